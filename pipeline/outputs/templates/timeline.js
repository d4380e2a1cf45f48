const AXIS = 22, LANE = 52, LABEL = 18, FEW = 8;
const GRID = 25;
const begin = data.begin, whole = data.duration - begin || 1;
const view = { from: begin, to: begin + whole, all: false };
const canvas = $("#timeline canvas");
const strange = sentences.filter((line) => line.person === null);

function lanesShown() {
  const found = view.all ? [...data.lanes] : data.lanes.slice(0, FEW);
  if (strange.length) found.push({ person: null, speaker: null, curve: { step: 1, runs: [] } });
  return found;
}

function timeOf(x, width) { return view.from + (x / width) * (view.to - view.from); }

/** A step of the axis that leaves room for its labels. */
function tickStep(width) {
  const least = ((view.to - view.from) / width) * 70;
  return [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200].find((step) => step >= least) || 14400;
}

let drawing = 0;
function drawTimeline() { cancelAnimationFrame(drawing); drawing = requestAnimationFrame(draw); }

function draw() {
  const lanes = lanesShown();
  const width = canvas.clientWidth, height = AXIS + lanes.length * LANE;
  const dots = Math.min(window.devicePixelRatio || 1, 2);
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * dots);
  canvas.height = Math.round(height * dots);
  const style = getComputedStyle(document.documentElement);
  const ink = (name) => style.getPropertyValue(`--${name}`).trim();
  const pen = canvas.getContext("2d");
  pen.scale(dots, dots);
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const x = (time) => ((time - view.from) / (view.to - view.from)) * width;

  drawAxis(pen, ink, x, width, height);
  lanes.forEach((lane, i) => drawLane(pen, ink, x, width, lane, AXIS + i * LANE));
  if (state.time >= view.from && state.time <= view.to) {
    pen.fillStyle = ink("accent");
    pen.fillRect(x(state.time) - 1, 0, 2, height);
  }
  canvas.setAttribute("aria-valuenow", state.time.toFixed(1));
  canvas.setAttribute("aria-valuetext", clock(state.time));
  $("#span").textContent = `${clock(view.from, 0)} – ${clock(view.to, 0)}`;
}

function drawAxis(pen, ink, x, width, height) {
  const step = tickStep(width);
  pen.fillStyle = ink("dim");
  for (let i = Math.ceil(view.from / step); i * step <= view.to; i++) {
    const at = x(i * step);
    pen.fillRect(at, AXIS - 5, 1, 5);
    const label = clock(i * step, step < 1 ? 1 : 0);
    if (at + pen.measureText(label).width + 3 < width) pen.fillText(label, at + 3, AXIS / 2);
  }
  const shots = data.shots.filter((time) => time > view.from && time < view.to);
  const dense = shots.length > width / 6;
  pen.strokeStyle = ink("dim");
  pen.globalAlpha = 0.6;
  pen.setLineDash([3, 3]);
  pen.beginPath();
  for (const time of shots) {
    const at = Math.round(x(time)) + 0.5;
    pen.moveTo(at, AXIS);
    pen.lineTo(at, dense ? AXIS + 4 : height);
  }
  pen.stroke();
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

function drawLane(pen, ink, x, width, lane, top) {
  const colour = ink(colourOf(lane.speaker));
  const bottom = top + LANE - 4, base = top + LABEL, tall = bottom - base;
  pen.fillStyle = ink("line");
  pen.fillRect(0, bottom, width, 1);
  for (const line of sentences) {
    if (line.person !== lane.person || line.end < view.from || line.start > view.to) continue;
    const left = x(line.start), wide = Math.max(x(line.end) - left, 1.5);
    pen.fillStyle = line.file || wide < 4 ? colour : hatch(pen, colour);
    pen.globalAlpha = (line.file ? 0.4 : 0.9) * (isWanted(line) ? 1 : 0.25);
    pen.fillRect(left, base, wide, tall);
    pen.globalAlpha = 1;
    if (line === state.chosen) {
      pen.strokeStyle = ink("accent");
      pen.lineWidth = 2;
      pen.strokeRect(left, base, wide, tall - 1);
      pen.lineWidth = 1;
    }
  }
  drawCurve(pen, ink, x, lane.curve, base, tall);
  const seen = lane.seconds === undefined ? "" : `, ${clock(lane.seconds, 0)} in view`;
  const label = lane.person === null ? "nobody in view" : lane.speaker === null ? `Person ${lane.person}${seen}` : `${whoOf(lane.speaker)}${seen}`;
  pen.fillStyle = ink("card");
  pen.fillRect(2, top + 1, pen.measureText(label).width + 6, LABEL - 2);
  pen.fillStyle = colour;
  pen.fillText(label, 4, top + LABEL / 2 + 1);
}

/** A line through the probabilities. Where several share a column of pixels: the highest, and faintly down to the lowest. */
function drawCurve(pen, ink, x, curve, base, tall) {
  const seconds = curve.step / GRID;
  const wide = x(seconds) - x(0);
  pen.fillStyle = pen.strokeStyle = ink("curve");
  pen.lineWidth = 1.5;
  pen.lineJoin = "round";
  for (const [first, lows, highs] of curve.runs) {
    if ((first + lows.length) * seconds < view.from || first * seconds > view.to) continue;
    const from = Math.max(0, Math.floor(view.from / seconds) - first - 1);
    const to = Math.min(lows.length, Math.ceil(view.to / seconds) - first + 1);
    if (wide > 1) {
      pen.beginPath();
      for (let i = from; i < to; i++) {
        const at = x((first + i + 0.5) * seconds);
        for (const share of lows[i] === highs[i] ? [lows[i]] : [lows[i], highs[i]]) pen.lineTo(at, base + tall * (1 - share / 100));
      }
      pen.stroke();
      continue;
    }
    let column = null, low = 0, high = 0, before = null;
    const put = () => {
      const up = before === null ? high : Math.max(high, before[0]);
      const down = before === null ? low : Math.min(low, before[1]);
      const y = base + tall * (1 - up / 100);
      pen.globalAlpha = 0.25;
      pen.fillRect(column, y, 1, ((up - down) / 100) * tall);
      pen.globalAlpha = 1;
      pen.fillRect(column, base + tall * (1 - high / 100) - 0.75, 1, 1.5);
      before = [low, high];
    };
    for (let i = from; i < to; i++) {
      const at = Math.floor(x((first + i) * seconds));
      if (at !== column) {
        if (column !== null) put();
        column = at; low = lows[i]; high = highs[i];
      } else { low = Math.min(low, lows[i]); high = Math.max(high, highs[i]); }
    }
    if (column !== null) put();
  }
}

const hatches = new Map();
function hatch(pen, colour) {
  if (!hatches.has(colour)) {
    const tile = make("canvas", { width: 6, height: 6 });
    const brush = tile.getContext("2d");
    brush.strokeStyle = colour;
    brush.lineWidth = 1.3;
    brush.beginPath();
    for (const shift of [-6, 0, 6]) { brush.moveTo(shift, 6); brush.lineTo(shift + 6, 0); }
    brush.stroke();
    hatches.set(colour, pen.createPattern(tile, "repeat"));
  }
  return hatches.get(colour);
}

/** Shows the span of *length* seconds around *middle*, inside the video. */
function look(middle, length) {
  const span = Math.min(Math.max(length, 1), whole);
  view.from = Math.min(Math.max(middle - span / 2, begin), begin + whole - span);
  view.to = view.from + span;
  drawTimeline();
}

function startTimeline() {
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const lane = lanesShown()[Math.floor((event.clientY - box.top - AXIS) / LANE)];
    seekTo(timeOf(event.clientX - box.left, box.width), lane ? lane.person : undefined);
  });
  canvas.addEventListener("wheel", (event) => {
    const box = canvas.getBoundingClientRect(), length = view.to - view.from;
    if (event.ctrlKey) {
      const time = timeOf(event.clientX - box.left, box.width);
      const next = length * (event.deltaY > 0 ? 1.25 : 0.8);
      look(time + (0.5 - (event.clientX - box.left) / box.width) * next, next);
    } else if (event.deltaX || event.shiftKey) {
      look((view.from + view.to) / 2 + ((event.deltaX || event.deltaY) / box.width) * length, length);
    } else return;
    event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10 }[event.key];
    if (move) setTime(Math.min(Math.max(state.time + move, begin), data.duration));
    else if (event.key === "Enter") seekTo(state.time);
    else if (event.key === "Home") setTime(begin);
    else if (event.key === "End") setTime(data.duration);
    else return;
    event.preventDefault();
  });
  const length = () => view.to - view.from;
  $("#closer").addEventListener("click", () => look(state.time > view.from && state.time < view.to ? state.time : (view.from + view.to) / 2, length() / 2));
  $("#wider").addEventListener("click", () => look((view.from + view.to) / 2, length() * 2));
  $("#earlier").addEventListener("click", () => look((view.from + view.to) / 2 - length() / 2, length()));
  $("#later").addEventListener("click", () => look((view.from + view.to) / 2 + length() / 2, length()));
  $("#all-lanes").hidden = data.lanes.length <= FEW;
  $("#all-lanes").addEventListener("click", () => {
    view.all = !view.all;
    $("#all-lanes").textContent = view.all ? "Fewer persons" : `All ${data.lanes.length} persons`;
    drawTimeline();
  });
  $("#all-lanes").textContent = `All ${data.lanes.length} persons`;
  onTime((time) => {
    if (time < view.from || time > view.to) look(time, length());
    drawTimeline();
  });
  new ResizeObserver(drawTimeline).observe($("#timeline"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawTimeline);
}
