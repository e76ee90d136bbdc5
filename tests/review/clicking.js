// What the tests do within a post's frame: wake a chart, set its controls, and click its marks.
async ([act, number, ...more]) => {
  const figure = document.querySelectorAll("[data-review-chart]")[number];
  const controls = [...figure.querySelectorAll("[data-param]")];

  const root = () => {
    const node = [...figure.querySelectorAll(".bk-awake svg g, .bk-awake svg path")].find((one) => one.__data__);
    let mark = "marktype" in node.__data__ ? node.__data__ : node.__data__.mark;
    while (mark.group?.mark) mark = mark.group.mark;
    return mark;
  };

  /** Every mark that is drawn, with its middle in the drawing's own pixels. */
  const drawn = (mark, dx = 0, dy = 0) => (mark.items ?? []).flatMap((item) => {
    if (mark.marktype === "group") {
      return (item.items ?? []).flatMap((inner) => drawn(inner, dx + (item.x ?? 0), dy + (item.y ?? 0)));
    }
    if (mark.role !== "mark" || !item.datum || item.defined === false) return [];
    const point = ["symbol", "line", "area", "trail"].includes(mark.marktype);
    const { x1, y1, x2, y2 } = item.bounds;
    const [x, y] = point ? [item.x ?? 0, item.y ?? 0] : [(x1 + x2) / 2, (y1 + y2) / 2];
    return [{ x: x + dx, y: y + dy, datum: item.datum }];
  });

  const plain = (datum) =>
    Object.fromEntries(Object.entries(datum).filter(([, value]) => typeof value !== "object" || value === null));

  const acts = {
    wake: async () => {
      if (!figure.matches(".bk-figure[data-awake]")) return false;
      if (figure.dataset.state === "awake") return true;
      const woken = new Promise((resolve) => figure.addEventListener("blogkit:awake", resolve, { once: true }));
      figure.querySelector(".bk-drawing").dispatchEvent(new Event("pointerenter"));
      await woken;
      return true;
    },
    controls: () => controls.map((one) => {
      if (one.localName === "select") return [...one.options].map((option) => option.value);
      if (one.type === "range") return [one.min, one.max, String((Number(one.min) + Number(one.max)) / 2)];
      return one.type === "checkbox" ? [true, false] : [];
    }),
    set: async (control, value) => {
      const one = controls[control];
      if (one.type === "checkbox") one.checked = value;
      else one.value = value;
      one.dispatchEvent(new Event("input", { bubbles: true }));
      one.dispatchEvent(new Event("change", { bubbles: true }));
      await root().items[0].context.dataflow.runAsync();
    },
    click: (most) => {
      const found = drawn(root());
      const matrix = figure.querySelector(".bk-awake svg g").getScreenCTM();
      const drawing = figure.querySelector(".bk-drawing");
      const step = Math.max(1, Math.ceil(found.length / most));
      return found.filter((_, at) => at % step === 0).map(({ x, y, datum }) => {
        const { x: clientX, y: clientY } = new DOMPoint(x, y).matrixTransform(matrix);
        const near = found.filter((one) => Math.hypot(one.x - x, one.y - y) < 8).map((one) => one.datum);
        drawing.dispatchEvent(new MouseEvent("click", { clientX, clientY, bubbles: true }));
        return [...new Set([datum, ...near])].slice(0, 40).map(plain);
      });
    },
  };
  return acts[act](...more);
}
