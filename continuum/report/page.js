"use strict";
// Shows the <title> of the nearest mark at once and under a finger too, and moves the slider of a study. Without this
// script the browser shows titles, and the first stop of each tour.
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

  const nearest = (marks, x, y) => {
    const seen = marks.map((item) => {
      const box = item.mark.getBoundingClientRect();
      const at = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
      // Points before lines: a line is near everywhere.
      const far = item.isPoint ? Math.hypot(at.x - x, at.y - y) : distance(box, x, y) + reach / 2;
      return { item, at, far };
    });
    const best = seen.reduce((a, b) => (b.far < a.far ? b : a), { far: reach });
    if (!best.item) return [];
    // Marks on top of each other speak together.
    const same = ({ item, at }) => item.isPoint && Math.hypot(at.x - best.at.x, at.y - best.at.y) < overlap;
    return best.item.isPoint ? seen.filter(same).map(({ item }) => item) : [best.item];
  };

  const marksOf = (plot) =>
    [...plot.querySelectorAll("title")].map((title) => {
      const mark = title.parentNode;
      const text = title.textContent;
      title.remove(); // or the browser would show it a second time
      return { mark, text, place: text.split("\n")[1], isPoint: mark.localName === "use" };
    });

  const show = (marks, { clientX: x, clientY: y }) => {
    const items = nearest(marks, x, y);
    choose(items);
    const left = Math.min(Math.max(x + 14, 8), innerWidth - tip.offsetWidth - 8);
    const top = y - tip.offsetHeight - 14;
    tip.style.transform = `translate(${left}px, ${top < 8 ? y + 18 : top}px)`;
    return items;
  };

  // A tour: one stop is shown at a time, and its marks are ringed in every picture of the study.
  const tourOf = (section, marks) => {
    const stops = [...section.querySelectorAll(".stop")];
    const dial = section.querySelector(".dial");
    if (!dial) return () => {};
    const [slider, output] = [dial.querySelector("input"), dial.querySelector("output")];
    const go = (i) => {
      slider.value = i;
      output.textContent = stops[i].dataset.name;
      slider.setAttribute("aria-valuetext", stops[i].dataset.name);
      stops.forEach((stop, j) => (stop.hidden = i !== j));
      for (const item of marks) item.mark.classList.toggle("here", item.place === stops[i].dataset.tip);
    };
    slider.addEventListener("input", () => go(Number(slider.value)));
    dial.hidden = false;
    go(Math.floor((stops.length - 1) / 2));
    return (place) => {
      const i = stops.findIndex((stop) => stop.dataset.tip === place);
      if (i >= 0) go(i);
    };
  };

  for (const section of document.querySelectorAll("section")) {
    const plots = [...section.querySelectorAll("svg.plot")].map((plot) => ({ plot, marks: marksOf(plot) }));
    const visit = tourOf(section, plots.flatMap(({ marks }) => marks).filter(({ isPoint }) => isPoint));
    for (const { plot, marks } of plots) {
      plot.addEventListener("pointermove", (event) => show(marks, event));
      plot.addEventListener("pointerdown", (event) => {
        const [first] = show(marks, event);
        if (first) visit(first.place);
      });
      // A finger that is lifted leaves too: what it tapped stays to be read until the next tap.
      plot.addEventListener("pointerleave", ({ pointerType }) => pointerType === "touch" || choose([]));
    }
  }
  document.addEventListener("pointerdown", ({ target }) => target.closest("svg.plot") || choose([]));
})();
