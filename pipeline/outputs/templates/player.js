const sentences = [...data.clips, ...data.dropped].sort((a, b) => a.index - b.index);
const sentenceOf = new Map(sentences.map((sentence) => [sentence.index, sentence]));
const whoOf = (speaker) => (speaker === null ? "Off-screen" : `Speaker ${speaker}`);
const colourOf = (speaker) => (speaker === null ? "s0" : `s${(speaker - 1) % 8 + 1}`);

const state = { chosen: null, time: 0, listeners: [] };
const rows = new Map();

function onTime(act) { state.listeners.push(act); }
function setTime(time) { state.time = time; for (const act of state.listeners) act(time); }

let quiet = 0;
function say(text) {
  $("#message").textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => { $("#message").textContent = ""; }, 4000);
}

function choose(clip, scroll = true) {
  if (state.chosen) rowOf(state.chosen).classList.remove("chosen");
  state.chosen = clip;
  putIntoPage(clip);
  const row = rowOf(clip);
  row.classList.add("chosen");
  if (scroll) row.scrollIntoView({ block: "nearest" });
}

/** The player of *clip*: made when it is first wanted, so that a page of many clips loads none of them. */
function playerOf(clip) {
  const row = rowOf(clip);
  const old = row.querySelector("video");
  if (old) return old;
  const video = make("video", {
    controls: true, preload: "none", playsinline: true, src: `output/${encodeURIComponent(clip.file)}`,
    poster: clip.poster || null, "aria-label": `Clip ${clip.index}: ${clip.text}`,
  });
  video.addEventListener("timeupdate", () => { if (state.chosen === clip) setTime(clip.start + video.currentTime); });
  video.addEventListener("play", () => {
    for (const other of document.querySelectorAll("video")) if (other !== video) other.pause();
    choose(clip, false);
  });
  video.addEventListener("error", () => say(`${clip.file} cannot be played: is it still in the folder "output"?`));
  row.querySelector(".picture").replaceWith(video);
  row.classList.add("open");
  return video;
}

/** Shows *clip* at *time*, in seconds of the video, and plays it on. */
function playAt(clip, time) {
  choose(clip);
  $("#message").textContent = "";
  const video = playerOf(clip);
  const at = Math.min(Math.max(time - clip.start, 0), clip.end - clip.start - 0.01);
  const seek = () => { video.currentTime = at; };
  if (video.readyState >= 1) seek();
  else {
    video.addEventListener("loadedmetadata", seek, { once: true });
    video.preload = "auto";
    video.load();
  }
  video.play().catch(() => {});
  setTime(clip.start + at);
  scrollToWord(clip.start + at);
}

/** Plays what is said at *time*, by *person* first; says so where there is no clip. */
function seekTo(time, person) {
  const here = data.clips.filter((clip) => clip.start <= time && time < clip.end);
  const best = here.find((clip) => clip.person === person) || here[0];
  if (best) { playAt(best, time); return; }
  setTime(time);
  scrollToWord(time);
  const lost = data.dropped.find((line) => line.start <= time && time < line.end);
  say(lost ? `No clip at ${clock(time)}: ${lost.reason}` : `Nothing is said at ${clock(time)}`);
}
