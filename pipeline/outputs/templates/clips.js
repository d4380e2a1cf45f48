const CHUNK = 60;
let order = [...data.clips];
let made = 0;
let wantedText = "";

function number(name, value, title) { return make("span", { title }, `${name} ${value}`); }

function rowOf(clip) {
  if (!rows.has(clip)) rows.set(clip, clipRow(clip));
  return rows.get(clip);
}

function clipRow(clip) {
  const picture = make("button", { class: "picture", type: "button", "aria-label": `Play clip ${clip.index}` });
  if (clip.poster) picture.append(make("img", { src: clip.poster, alt: "", loading: "lazy", decoding: "async" }));
  picture.addEventListener("click", () => playAt(clip, clip.start));
  const sure = make("i");
  sure.style.width = `${Math.round(clip.probability * 100)}%`;
  return make("article", { class: `clip ${colourOf(clip.speaker)}`, id: `clip-${clip.index}`, "data-index": clip.index },
    picture,
    make("div", { class: "when" },
      make("span", { class: "who" }, whoOf(clip.speaker)),
      make("span", {}, `${clock(clip.start)} – ${clock(clip.end)}`),
      make("span", { class: "dim" }, `${(clip.end - clip.start).toFixed(1)} s`),
      make("a", { href: `output/${encodeURIComponent(clip.file)}`, class: "dim" }, clip.file)),
    make("p", { class: "text", dir: "auto" }, ...marked(clip.text, wantedText)),
    make("div", { class: "numbers" },
      make("span", { title: "Probability that this face speaks, and no other and nobody out of view" },
        make("span", { class: "sure", "aria-hidden": "true" }, sure), `probability ${clip.probability.toFixed(2)}`),
      number("margin", clip.margin === null ? "alone" : clip.margin.toFixed(2), "Above the closest other face, in logits"),
      number("score", clip.score.toFixed(2), "Mean logit of the speaking face"),
      number("in view", `${Math.round(clip.coverage * 100)}%`, "Share of the sentence's frames with the face"),
      number("track", clip.track, "Of tracks.npz"),
      ...clip.flags.map((flag) => make("span", { class: "flag" }, flag.replaceAll("_", " ")))));
}

const orders = {
  time: (a, b) => a.index - b.index,
  probability: (a, b) => a.probability - b.probability || a.index - b.index,
  margin: (a, b) => (a.margin ?? Infinity) - (b.margin ?? Infinity) || a.index - b.index,
};

function shownClips() { return order.filter(isWanted); }

function isWanted(line) {
  const speaker = $("#speaker").value;
  if (speaker && String(line.speaker) !== speaker) return false;
  if ($("#doubts").checked && !(line.flags || []).length) return false;
  return !wantedText || plain(line.text).includes(wantedText);
}

/** Adds rows until *count* of those wanted are in the page; the others follow when it is idle. */
function fill(wanted, count) {
  const part = wanted.slice(made, count).map(rowOf);
  $("#clips").append(...part);
  made += part.length;
}

let filling = 0;
function showClips() {
  const text = plain($("#search").value.trim());
  if (text !== wantedText) {
    wantedText = text;
    for (const [clip, row] of rows) row.querySelector(".text").replaceChildren(...marked(clip.text, text));
  }
  order = [...data.clips].sort(orders[$("#sort").value]);
  const wanted = shownClips();
  clearTimeout(filling);
  $("#clips").replaceChildren();
  made = 0;
  const more = () => {
    fill(wanted, made + CHUNK);
    if (made < wanted.length) filling = setTimeout(more, 0);
  };
  more();
  let lost = 0;
  for (const row of document.querySelectorAll("#dropped tbody tr")) {
    row.hidden = !isWanted(sentenceOf.get(Number(row.dataset.index)));
    lost += row.hidden ? 0 : 1;
  }
  $("#count").textContent = `${wanted.length} of ${data.clips.length} clips, ${lost} of ${data.dropped.length} dropped`;
  drawTimeline();
}

/** Makes sure that the row of *clip* is in the page; filters that hide it are taken away. */
function putIntoPage(clip) {
  if (rowOf(clip).isConnected) return;
  if (!isWanted(clip)) {
    $("#search").value = "";
    $("#speaker").value = "";
    $("#doubts").checked = false;
    showClips();
  }
  const wanted = shownClips();
  fill(wanted, wanted.indexOf(clip) + 1);
}

/** Chooses the next clip but *by* - 1 of those shown. */
function step(by) {
  const wanted = shownClips();
  if (!wanted.length) return;
  const at = wanted.indexOf(state.chosen);
  const next = wanted[Math.min(Math.max(at + by, 0), wanted.length - 1)];
  choose(next);
  setTime(next.start);
  scrollToWord(next.start);
}

function toggle() {
  if (!state.chosen) step(1);
  if (!state.chosen) return;
  const video = rowOf(state.chosen).querySelector("video");
  if (!video) playAt(state.chosen, state.chosen.start);
  else if (video.paused) video.play().catch(() => {});
  else video.pause();
}
