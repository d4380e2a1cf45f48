const CHUNK = 100;
const state = { videos: [], shown: 0, hits: [], listed: 0 };

function row(video) {
  const name = video.report ? make("a", { href: video.report, dir: "auto" }, video.name) : video.name;
  const cell = (title, text, kind) => make("td", { class: kind || null, "data-name": title }, text);
  return make("tr", {},
    make("td", { title: video.path }, name),
    make("td", {}, make("span", { class: `status ${video.status}` }, video.status)),
    make("td", { class: "why" }, video.reason ? make("b", {}, `${video.reason} `) : null, video.message),
    cell("length", clock(video.seconds, 0), "number"),
    cell("clips", String(video.clips), "number"),
    cell("dropped", String(video.dropped), "number"),
    cell("speakers", String(video.speakers), "number"),
    cell("time taken", clock(video.took, 0), "number"),
    make("td", { class: "dim", ...(video.stand_ins.length ? { "data-name": "stand-ins" } : {}) }, video.stand_ins.join(", ")));
}

function showMoreVideos() {
  const next = state.videos.slice(state.shown, state.shown + CHUNK);
  $("#videos tbody").append(...next.map(row));
  state.shown += next.length;
  $("#more-videos").hidden = state.shown >= state.videos.length;
}

function showVideos() {
  const status = $("#status").value, text = plain($("#name").value.trim());
  state.videos = data.videos.filter((video) => (!status || video.status === status) && (!text || plain(video.path).includes(text)));
  state.shown = 0;
  $("#videos tbody").replaceChildren();
  showMoreVideos();
  $("#video-count").textContent = `${state.videos.length} of ${data.videos.length} videos`;
}

function hit([number, start, speaker, isClip, text]) {
  const video = data.videos[number];
  const place = `${video.name} ${clock(start)}, ${speaker === null ? "off-screen" : `speaker ${speaker}`}${isClip ? "" : ", no clip"}`;
  return make("li", {},
    video.report ? make("a", { class: "place", href: `${video.report}#t=${start}` }, place) : make("span", { class: "place" }, place),
    make("span", { dir: "auto" }, ...marked(text, plain($("#search").value.trim()))));
}

function showMoreHits() {
  const next = state.hits.slice(state.listed, state.listed + CHUNK);
  $("#found").append(...next.map(hit));
  state.listed += next.length;
  $("#more-hits").hidden = state.listed >= state.hits.length;
}

let folded = null;
function search() {
  const text = plain($("#search").value.trim());
  folded = folded || data.sentences.map((sentence) => plain(sentence[4]));
  state.hits = text ? data.sentences.filter((_, i) => folded[i].includes(text)) : [];
  state.listed = 0;
  $("#found").replaceChildren();
  showMoreHits();
  $("#hit-count").textContent = text ? `${state.hits.length} sentence${state.hits.length === 1 ? "" : "s"}` : "";
}

for (const status of [...new Set(data.videos.map((video) => video.status))].sort()) $("#status").append(make("option", { value: status }, status));
$("#status").addEventListener("change", showVideos);
$("#name").addEventListener("input", later(showVideos));
$("#search").addEventListener("input", later(search));
$("#more-videos").addEventListener("click", showMoreVideos);
$("#more-hits").addEventListener("click", showMoreHits);
$("#help-button").addEventListener("click", () => $("#help").showModal());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target === $("#search")) { $("#search").value = ""; search(); $("#search").blur(); return; }
  if (isWriting(event) || $("#help").open) return;
  const links = [...document.querySelectorAll("#found a, #videos a")];
  const at = links.indexOf(document.activeElement);
  const acts = {
    "/": () => $("#search").focus(), "?": () => $("#help").showModal(),
    j: () => links[Math.min(at + 1, links.length - 1)]?.focus(), k: () => links[Math.max(at - 1, 0)]?.focus(),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
});
showVideos();
