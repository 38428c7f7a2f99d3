"use strict";
// Walks along the settings of a chart. All words come ready from the page; nothing is built from text.
const settings = JSON.parse(document.getElementById("settings").textContent);

function ringAround(points) {
  const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  ring.setAttribute("class", "ring");
  ring.setAttribute("r", "10");
  if (points.length) points[0].parentNode.append(ring);
  return ring;
}

for (const walk of document.querySelectorAll("[data-walk]")) {
  const steps = settings[walk.dataset.walk];
  const slider = walk.querySelector("input");
  const cells = walk.querySelectorAll("[data-cell]");
  const verdict = walk.querySelector("[data-verdict]");
  const points = Array.from(walk.querySelectorAll("svg title"), (title) => title.parentNode);
  const ring = ringAround(points);

  function show() {
    const step = steps[slider.value];
    cells.forEach((cell, i) => { cell.textContent = step.cells[i]; });
    verdict.className = step.certified ? "mark done" : "mark open";
    slider.setAttribute("aria-valuetext", step.cells.join(", "));
    ring.style.display = step.drawn === null ? "none" : "";
    if (step.drawn !== null) ring.setAttribute("transform", points[step.drawn].getAttribute("transform"));
  }

  steps.forEach((step, i) => {
    if (step.drawn === null) return;
    points[step.drawn].addEventListener("click", () => { slider.value = i; show(); });
  });
  slider.addEventListener("input", show);
  walk.querySelector(".slide").hidden = false;
  show();
}
