"""The script and the style of the 1-D GAN player's page; ``gan_1d_view.player_html`` fills them in.

The script finds the page's elements by the key of its own data, so several players can be on one
page. It builds the controls itself: without it, only the still picture is there.
"""

from __future__ import annotations

STYLE = """\
.gan-1d { max-width: 760px; font-size: 13px; line-height: 1.5;
  font-family: var(--jp-ui-font-family, var(--vscode-font-family, system-ui, sans-serif));
  color: var(--jp-ui-font-color1, var(--vscode-editor-foreground, inherit)); }
.gan-1d p { margin: 4px 0; }
.gan-1d .bar { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; margin: 6px 0; }
.gan-1d label { display: inline-flex; gap: 8px; align-items: center; }
.gan-1d .place { flex: 1 1 220px; }
.gan-1d input { flex: 1; min-width: 120px; margin: 0; accent-color: #3a8ad8; }
.gan-1d button, .gan-1d select { font: inherit; color: inherit; background: transparent;
  border: 1px solid currentColor; border-radius: 4px; padding: 3px 10px; min-height: 28px; }
.gan-1d button { min-width: 62px; cursor: pointer; }
.gan-1d button:hover { background: rgba(58, 138, 216, .2); }
.gan-1d option { color: #111; background: #fff; }
.gan-1d button:focus-visible, .gan-1d select:focus-visible, .gan-1d input:focus-visible {
  outline: 3px solid #3a8ad8; outline-offset: 2px; }
.gan-1d .facts { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 6px 0;
  font-variant-numeric: tabular-nums; }
.gan-1d .facts div { min-width: 74px; }
.gan-1d .facts span { display: block; opacity: .85; }
.gan-1d .facts strong { font-size: 15px; }
.gan-1d svg { display: block; width: 100%; height: auto; }
.gan-1d svg text { fill: currentColor; font-size: 13px; }
.gan-1d .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
"""

SCRIPT = r"""(function () {
"use strict";
const KEY = "{{KEY}}", RUNS = "{{DATA}}", STYLE = "{{STYLE}}";
const BLUE = "#3a8ad8", ORANGE = "#e0821a", GREEN = "#2f9e6b";
const RECORDS_PER_SECOND = 12, CALM_RECORDS_PER_SECOND = 2;
const LEFT = 46, WIDE = 704, RIGHT = LEFT + WIDE;
const DENSITY = { y: 26, tall: 168 }, TICKS = { y: 200, tall: 34 };
const JUDGE = { y: 274, tall: 120 }, LOSS = { y: 446, tall: 96 }, TALL = 570;

function numbers(text, Kind) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Kind(bytes.buffer);
}
function unpacked(run) {
  const bytes = name => numbers(run[name], Uint8Array);
  return Object.assign({}, run, {
    real: bytes("real"), fake: bytes("fake"), judged: bytes("judged"), optimal: bytes("optimal"),
    pushes: bytes("pushes"), samples: numbers(run.samples, Uint16Array),
    last: run.steps.length - 1,
  });
}
function make(parent, name, attributes, words) {
  const node = document.createElement(name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (words !== undefined) node.textContent = words;
  parent.appendChild(node);
  return node;
}
function draw(parent, name, attributes, words) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (words !== undefined) node.textContent = words;
  parent.appendChild(node);
  return node;
}
const signed = value => (value < 0 ? "−" : "") + Math.abs(value);
const grouped = n => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

function start(root, number) {
  root.setAttribute("data-ready", "");
  const still = Array.from(root.childNodes);
  const named = {};
  for (const name in RUNS) named[name] = unpacked(RUNS[name]);
  let run = named[Object.keys(named)[0]], place = 0, playing = false, before = 0, speed = 1;

  // ---- The page ------------------------------------------------------------------------------
  const shell = document.createElement("div");
  make(shell, "style", {}, STYLE);
  // The keys are the player's, not JupyterLab's.
  const keep = name => ({ "data-lm-suppress-shortcuts": "true", "aria-label": name });
  const top = make(shell, "div", { class: "bar" });
  const runLabel = make(top, "label", {}, "Run");
  const runs = make(runLabel, "select", keep("Run"));
  for (const name in named) make(runs, "option", { value: name }, name);
  const speedLabel = make(top, "label", {}, "Speed");
  const speeds = make(speedLabel, "select", keep("Speed"));
  for (const [value, words] of [[0.25, "¼ ×"], [0.5, "½ ×"], [1, "1 ×"], [2, "2 ×"], [4, "4 ×"]])
    make(speeds, "option", value === 1 ? { value, selected: "" } : { value }, words);
  const note = make(shell, "p", {});
  const svg = draw(shell, "svg", { viewBox: "0 0 760 " + TALL, role: "img" });
  const bar = make(shell, "div", { class: "bar" });
  const button = words => make(bar, "button",
    { type: "button", "data-lm-suppress-shortcuts": "true" }, words);
  const back = button("Back"), play = button("Play"), next = button("Next");
  const placeLabel = make(bar, "label", { class: "place" }, "Step");
  const slider = make(placeLabel, "input",
    Object.assign({ type: "range", min: 0, step: 1, value: 0 }, keep("Step")));
  const facts = make(shell, "div", { class: "facts" });
  const calm = make(shell, "p", { hidden: "" },
    "Your system asks for less motion: Play goes from still to still.");
  const spoken = make(shell, "div", { class: "unseen", role: "status", "aria-live": "polite" });

  const fact = words => {
    const box = make(facts, "div");
    make(box, "span", {}, words);
    return make(box, "strong", {});
  };
  const said = { step: fact("Step"), divergence: fact("Jensen–Shannon, 0 to 0.693"),
    shares: fact("Fakes at the modes"), d: fact("Loss of D"), g: fact("Loss of G") };

  // ---- The drawing ---------------------------------------------------------------------------
  const text = (x, y, words, more) => draw(svg, "text", Object.assign({ x, y }, more), words);
  const rule = (x1, y1, x2, y2, dashes) => draw(svg, "line", { x1, y1, x2, y2,
    stroke: "currentColor", opacity: 0.6, "stroke-dasharray": dashes || "none" });
  const key = (x, y, colour, words, dashes) => {
    draw(svg, "line", { x1: x, y1: y - 4, x2: x + 22, y2: y - 4, stroke: colour,
      "stroke-width": 3, "stroke-dasharray": dashes || "none" });
    text(x + 28, y, words);
  };
  // A nested svg cuts off what leaves its panel.
  const panel = box => draw(svg, "svg", { x: LEFT, y: box.y, width: WIDE, height: box.tall,
    viewBox: "0 0 " + WIDE + " " + box.tall, preserveAspectRatio: "none" });
  const curve = (parent, colour, more) => draw(parent, "path", Object.assign(
    { fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-linejoin": "round" }, more));

  text(LEFT, 16, "Density", { "font-weight": 600 });
  key(130, 16, BLUE, "real data, p");
  key(254, 16, ORANGE, "fakes, q");
  key(356, 16, GREEN, "where the discriminator pushes them");
  draw(svg, "path", { d: "M373 8l5 4-5 4", fill: "none", stroke: GREEN, "stroke-width": 2 });
  const peak = text(RIGHT, DENSITY.y + 16, "", { "text-anchor": "end" });
  const densities = panel(DENSITY);
  const realCurve = curve(densities, BLUE, { fill: BLUE, "fill-opacity": 0.18 });
  const fakeCurve = curve(densities, ORANGE, { fill: ORANGE, "fill-opacity": 0.18 });
  rule(LEFT, DENSITY.y + DENSITY.tall, RIGHT, DENSITY.y + DENSITY.tall);
  const ticks = panel(TICKS);
  const fakeTicks = curve(ticks, ORANGE, { "stroke-width": 2 });
  const arrows = curve(ticks, GREEN, { "stroke-width": 2 });

  text(LEFT, JUDGE.y - 10, "Probability of being real", { "font-weight": 600 });
  key(250, JUDGE.y - 10, GREEN, "the discriminator");
  key(406, JUDGE.y - 10, "currentColor", "the best answer to these fakes, p ÷ (p + q)", "5 4");
  for (const [value, words] of [[0, "0"], [0.5, "½"], [1, "1"]]) {
    const y = JUDGE.y + JUDGE.tall * (1 - value);
    text(LEFT - 8, y + 4, words, { "text-anchor": "end" });
    rule(LEFT, y, RIGHT, y, value === 0.5 ? "2 4" : "");
  }
  text(LEFT - 8, JUDGE.y + JUDGE.tall + 17, "x", { "text-anchor": "end" });
  const judges = panel(JUDGE);
  const bestCurve = curve(judges, "currentColor",
    { "stroke-width": 2, "stroke-dasharray": "6 5", opacity: 0.85 });
  const judgeCurve = curve(judges, GREEN, { "stroke-width": 3 });
  const numbersLine = draw(svg, "g", {});

  text(LEFT, LOSS.y - 10, "Losses in nats", { "font-weight": 600 });
  key(174, LOSS.y - 10, GREEN, "discriminator");
  key(300, LOSS.y - 10, ORANGE, "generator");
  text(RIGHT, LOSS.y - 10, "dotted: 2 ln 2 and ln 2, if D says ½ to everything",
    { "text-anchor": "end" });
  rule(LEFT, LOSS.y + LOSS.tall, RIGHT, LOSS.y + LOSS.tall);
  const TOP_LOSS = 2.4, lossY = value => LOSS.tall * (1 - Math.min(value, TOP_LOSS) / TOP_LOSS);
  for (const [value, words] of [[0, "0"], [1, "1"], [2, "2"]])
    text(LEFT - 8, LOSS.y + lossY(value) + 4, words, { "text-anchor": "end" });
  for (const value of [Math.LN2, 2 * Math.LN2])
    rule(LEFT, LOSS.y + lossY(value), RIGHT, LOSS.y + lossY(value), "2 4");
  const losses = panel(LOSS);
  const dLosses = curve(losses, GREEN, { "stroke-width": 1.5 });
  const gLosses = curve(losses, ORANGE, { "stroke-width": 1.5 });
  const dDot = draw(svg, "circle", { r: 4.5, fill: GREEN });
  const gDot = draw(svg, "circle", { r: 4.5, fill: ORANGE });
  const now = rule(0, LOSS.y, 0, LOSS.y + LOSS.tall);
  const lastStep = text(RIGHT, TALL - 10, "", { "text-anchor": "end" });
  text(LEFT, TALL - 10, "step 0");

  const xOf = value => (value - run.low) / (run.high - run.low) * WIDE;
  function path(value, tall, closed) {
    const many = run.places;
    let line = closed ? "M0 " + (tall + 3) : "";
    for (let i = 0; i < many; i++)
      line += (i || closed ? "L" : "M") + (i / (many - 1) * WIDE).toFixed(1) + " "
        + (tall * (1 - value(i) / 255)).toFixed(1);
    return closed ? line + "L" + WIDE + " " + (tall + 3) : line;
  }
  function lossPath(values) {
    return values.map((value, i) =>
      (i ? "L" : "M") + (i / run.last * WIDE).toFixed(1) + " " + lossY(value).toFixed(1)).join("");
  }
  // What does not move while a run plays.
  function drawRun() {
    note.textContent = run.note;
    realCurve.setAttribute("d", path(i => run.real[i], DENSITY.tall, true));
    dLosses.setAttribute("d", lossPath(run.d_losses));
    gLosses.setAttribute("d", lossPath(run.g_losses));
    lastStep.textContent = "step " + grouped(run.steps[run.last]);
    slider.max = run.last;
    numbersLine.textContent = "";
    for (let value = Math.ceil(run.low); value <= run.high; value++)
      draw(numbersLine, "text", { x: LEFT + xOf(value), y: JUDGE.y + JUDGE.tall + 17,
        "text-anchor": "middle" }, signed(value));
    for (let value = 0; value < run.top; value += 0.5)
      draw(numbersLine, "text", { x: LEFT - 8, "text-anchor": "end",
        y: DENSITY.y + DENSITY.tall * (1 - value / run.top) + 4 }, String(value));
  }
  function drawFrame() {
    const first = Math.floor(place), second = Math.min(first + 1, run.last);
    const share = place - first, nearest = Math.round(place);
    const at = (values, width) => i =>
      values[first * width + i] * (1 - share) + values[second * width + i] * share;
    fakeCurve.setAttribute("d", path(at(run.fake, run.places), DENSITY.tall, true));
    judgeCurve.setAttribute("d", path(at(run.judged, run.places), JUDGE.tall));
    bestCurve.setAttribute("d", path(at(run.optimal, run.places), JUDGE.tall));
    const sample = at(run.samples, run.fakes), push = at(run.pushes, run.fakes);
    let marks = "", pushed = "";
    for (let i = 0; i < run.fakes; i++) {
      const x = sample(i) / 65535 * WIDE, far = (push(i) / 127 - 1) * 40;
      marks += "M" + x.toFixed(1) + " 1v12";
      if (Math.abs(far) < 2) continue;
      const way = Math.sign(far) * Math.min(5, Math.abs(far));
      const tip = (x + far).toFixed(1), y = 19 + i % 3 * 5;
      pushed += "M" + x.toFixed(1) + " " + y + "H" + tip
        + "m" + (-way).toFixed(1) + " -3l" + way.toFixed(1) + " 3l" + (-way).toFixed(1) + " 3";
    }
    fakeTicks.setAttribute("d", marks);
    arrows.setAttribute("d", pushed);
    const high = run.peaks[nearest] > run.top;
    peak.textContent = high ? "fakes reach " + run.peaks[nearest].toFixed(1) + " ↑" : "";
    const x = LEFT + place / run.last * WIDE;
    now.setAttribute("x1", x);
    now.setAttribute("x2", x);
    for (const [dot, values] of [[dDot, run.d_losses], [gDot, run.g_losses]]) {
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", LOSS.y + lossY(values[first] * (1 - share) + values[second] * share));
    }
    const percents = run.shares[nearest].map(share => Math.round(share * 100) + " %");
    said.step.textContent = grouped(run.steps[nearest]);
    said.divergence.textContent = run.divergence[nearest].toFixed(3);
    said.shares.textContent = percents.join(" · ");
    said.d.textContent = run.d_losses[nearest].toFixed(2);
    said.g.textContent = run.g_losses[nearest].toFixed(2);
    if (+slider.value !== nearest) slider.value = nearest;
    if (playing) return;
    const words = "Step " + grouped(run.steps[nearest]) + " of " + grouped(run.steps[run.last])
      + ". Jensen–Shannon divergence " + run.divergence[nearest].toFixed(3)
      + " of at most 0.693. Fakes at the modes " + run.modes.map((mode, i) =>
        signed(mode) + ": " + percents[i]).join(", ")
      + ". Loss of the discriminator " + run.d_losses[nearest].toFixed(2)
      + ", of the generator " + run.g_losses[nearest].toFixed(2) + ".";
    svg.setAttribute("aria-label", "Densities, discriminator and losses. " + words);
    slider.setAttribute("aria-valuetext", "step " + grouped(run.steps[nearest]));
    if (spoken.textContent !== words) spoken.textContent = words;
  }

  // ---- Playing -------------------------------------------------------------------------------
  const lessMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
  function tick(time) {
    if (!playing) return;
    if (!root.isConnected) return stop();
    const seconds = Math.min((time - before) / 1000, 0.25);
    if (lessMotion.matches) {
      // No movement between records, and few of them.
      const wait = 1 / (CALM_RECORDS_PER_SECOND * speed);
      if ((time - before) / 1000 >= wait) {
        place = Math.min(Math.floor(place) + 4, run.last);
        before = time;
        drawFrame();
      }
    } else {
      place = Math.min(place + seconds * RECORDS_PER_SECOND * speed, run.last);
      before = time;
      drawFrame();
    }
    if (place >= run.last) return stop();
    window.requestAnimationFrame(tick);
  }
  function stop() {
    playing = false;
    play.textContent = "Play";
    place = Math.round(place);
    drawFrame();
  }
  function go() {
    if (place >= run.last) place = 0;
    playing = true;
    play.textContent = "Pause";
    calm.hidden = !lessMotion.matches;
    window.requestAnimationFrame(time => { before = time; tick(time); });
  }
  function move(way) {
    const whole = way > 0 ? Math.floor(place) : Math.ceil(place);
    place = Math.max(0, Math.min(run.last, whole + way));
    stop();
  }
  play.addEventListener("click", () => playing ? stop() : go());
  back.addEventListener("click", () => move(-1));
  next.addEventListener("click", () => move(1));
  slider.addEventListener("input", () => { place = +slider.value; stop(); });
  speeds.addEventListener("change", () => { speed = +speeds.value; });
  runs.addEventListener("change", () => {
    run = named[runs.value];
    place = 0;
    stop();
    drawRun();
    drawFrame();
  });
  drawRun();
  drawFrame();
  for (const node of still) node.remove();
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "1-D GAN player");
  root.appendChild(shell);
}
document.querySelectorAll(".gan-1d[data-gan-1d='" + KEY + "']:not([data-ready])").forEach(start);
})();"""
