
"use strict";
// Shows the <title> of the nearest mark at once and under a finger too; without this script the browser shows titles.
(() => {
  const reach = 22; // pixels
  const overlap = 4;
  const tip = Object.assign(document.createElement("div"), { id: "tip", hidden: true });
  document.body.append(tip);
  let chosen = [];

  const distance = (box, x, y) =>
    Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));

  const choose = (items) => {
    for (const { mark } of chosen) mark.classList.remove("chosen");
    for (const { mark } of items) mark.classList.add("chosen");
    chosen = items;
    tip.hidden = !items.length;
    tip.textContent = items.map(({ text }) => text).join("\n\n");
  };

  for (const plot of document.querySelectorAll("svg.plot")) {
    const marks = [...plot.querySelectorAll("title")].map((title) => {
      const mark = title.parentNode;
      const item = { mark, text: title.textContent, isPoint: mark.localName === "use" };
      title.remove(); // or the browser would show it a second time
      return item;
    });
    const show = ({ clientX: x, clientY: y }) => {
      const seen = marks.map((item) => {
        const box = item.mark.getBoundingClientRect();
        const at = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
        // Points before lines: a line is near everywhere.
        const far = item.isPoint ? Math.hypot(at.x - x, at.y - y) : distance(box, x, y) + reach / 2;
        return { item, at, far };
      });
      const best = seen.reduce((a, b) => (b.far < a.far ? b : a), { far: reach });
      if (!best.item) return choose([]);
      // Marks on top of each other speak together.
      const same = ({ item, at }) => item.isPoint && Math.hypot(at.x - best.at.x, at.y - best.at.y) < overlap;
      choose(best.item.isPoint ? seen.filter(same).map(({ item }) => item) : [best.item]);
      const left = Math.min(Math.max(x + 14, 8), innerWidth - tip.offsetWidth - 8);
      const top = y - tip.offsetHeight - 14;
      tip.style.transform = `translate(${left}px, ${top < 8 ? y + 18 : top}px)`;
    };
    plot.addEventListener("pointermove", show);
    plot.addEventListener("pointerdown", show);
    plot.addEventListener("pointerleave", () => choose([]));
  }
})();
