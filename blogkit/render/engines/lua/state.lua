-- What one document's rendering knows: its options, its counters, what can be referred to, and what was wrong in it.

local state = {}

-- The kinds of things a reference can name, by the prefix of their ids.
local builtin = {
  fig = { kind = "float", name = "Figure", location = "bottom" },
  tbl = { kind = "float", name = "Table", location = "top" },
  lst = { kind = "float", name = "Listing", location = "top" },
  nte = { kind = "callout", name = "Note", callout = "note" },
  wrn = { kind = "callout", name = "Warning", callout = "warning" },
  cau = { kind = "callout", name = "Caution", callout = "caution" },
  tip = { kind = "callout", name = "Tip", callout = "tip" },
  imp = { kind = "callout", name = "Important", callout = "important" },
  thm = { kind = "theorem", name = "Theorem", class = "theorem" },
  lem = { kind = "theorem", name = "Lemma", class = "lemma" },
  cor = { kind = "theorem", name = "Corollary", class = "corollary" },
  prp = { kind = "theorem", name = "Proposition", class = "proposition" },
  cnj = { kind = "theorem", name = "Conjecture", class = "conjecture" },
  def = { kind = "theorem", name = "Definition", class = "definition" },
  exm = { kind = "theorem", name = "Example", class = "example" },
  exr = { kind = "theorem", name = "Exercise", class = "exercise" },
  alg = { kind = "theorem", name = "Algorithm", class = "algorithm" },
  prf = { kind = "proof", name = "Proof", class = "proof" },
  rem = { kind = "proof", name = "Remark", class = "remark" },
  sol = { kind = "proof", name = "Solution", class = "solution" },
  eq = { kind = "equation", name = "Equation" },
  sec = { kind = "section", name = "Section" },
}

function state.new(request)
  local s = {
    options = request.options or {},
    crossref = (request.options or {}).crossref or {},
    language = request.language or {},
    shortcodes = request.shortcodes or {},
    kinds = {},
    counters = {},
    entries = {},
    sections = { 0, 0, 0, 0, 0, 0, 0 },
    offsets = { 0, 0, 0, 0, 0, 0, 0 },
    top_level = 7,
    problems = pandoc.List(),
    warnings = pandoc.List(),
    next_id = {},
    later = pandoc.List(),
    cited = {},
    is_cited = {},
  }
  for prefix, kind in pairs(builtin) do
    s.kinds[prefix] = kind
  end
  for _, custom in ipairs(s.crossref.custom or {}) do
    s.kinds[custom.key] = {
      kind = "float",
      name = custom["caption-prefix"] or custom["reference-prefix"],
      reference = custom["reference-prefix"],
      location = custom["caption-location"] or "bottom",
      space = custom["space-before-numbering"] ~= false,
      custom = true,
    }
  end
  local offsets = s.options["number-offset"]
  for level, offset in ipairs(type(offsets) == "table" and offsets or { offsets }) do
    s.offsets[level] = tonumber(offset) or 0
    s.sections[level] = s.offsets[level]
  end
  return s
end

-- The prefix of an id that says what kind of thing it names: `fig` of `fig-loss`; nil for other ids.
function state.prefix_of(s, id)
  local prefix = id:match("^(%a+)%-")
  if prefix and s.kinds[prefix] then
    return prefix
  end
  return nil
end

function state.kind_of(s, id)
  local prefix = state.prefix_of(s, id)
  return prefix and s.kinds[prefix] or nil, prefix
end

-- A thing that the author must fix. `key` is what to look for in the source to find the line.
function state.problem(s, what, key, hint)
  s.problems:insert({ what = what, key = key or "", hint = hint or "" })
end

function state.warn(s, what, key)
  s.warnings:insert({ what = what, key = key or "" })
end

-- A number within the document for ids that the renderer makes: `callout-1`, `tabset-2`.
function state.fresh(s, name)
  s.next_id[name] = (s.next_id[name] or 0) + 1
  return name .. "-" .. s.next_id[name]
end

return state
