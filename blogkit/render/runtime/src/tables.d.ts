/** A table's columns as [name, values] pairs, in full precision where that has been loaded. */
export function tableColumns(id: string): [string, unknown[]][];
/** A table's rows as new objects. */
export function tableRows(id: string): Record<string, unknown>[];
