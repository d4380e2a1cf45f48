function showPeople() {
  for (const lane of data.lanes) {
    const count = data.clips.filter((clip) => clip.person === lane.person).length;
    const name = lane.speaker === null ? `Person ${lane.person}` : whoOf(lane.speaker);
    const item = make("li", { class: colourOf(lane.speaker) },
      make("span", { class: "who" }, name),
      `${lane.speaker === null ? "" : ` (person ${lane.person})`}: ${clock(lane.seconds, 0)} in view, ${lane.tracks} track${lane.tracks === 1 ? "" : "s"}, ${count} clip${count === 1 ? "" : "s"}`);
    if (lane.sheet) {
      item.append(make("a", { href: lane.sheet }, make("img", {
        src: lane.sheet, loading: "lazy", decoding: "async", alt: `Faces of person ${lane.person} over time`,
      })));
    }
    $("#people").append(item);
  }
}

function startTools() {
  const speakers = [...new Set(sentences.map((line) => line.speaker))].sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
  for (const speaker of speakers) $("#speaker").append(make("option", { value: String(speaker) }, whoOf(speaker)));
  $("#search").addEventListener("input", later(showClips));
  for (const name of ["#speaker", "#sort", "#doubts"]) $(name).addEventListener("change", showClips);
  $("#help-button").addEventListener("click", () => $("#help").showModal());
}

function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === $("#search")) { $("#search").value = ""; showClips(); $("#search").blur(); return; }
    if (isWriting(event) || document.querySelector("dialog[open]")) return;
    const onControl = event.target.closest("button, a, video, input, summary");
    const acts = { j: () => step(1), k: () => step(-1), "/": () => $("#search").focus(), "?": () => $("#help").showModal() };
    if (event.key === " " && !onControl) acts[" "] = toggle;
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });
}

/** Goes to the time that the address ends with, as in ``report.html#t=12.3``. */
function goToAddress() {
  const found = /^#t=(-?[0-9.]+)$/.exec(location.hash);
  if (!found) return;
  const time = Number(found[1]) + 0.001;
  const clip = data.clips.find((line) => line.start <= time && time < line.end);
  if (clip) choose(clip);
  setTime(time);
  scrollToWord(time);
}

showTranscript();
showPeople();
startTools();
startCopying();
startSource();
startTimeline();
startKeys();
onTime(markWord);
showClips();
goToAddress();
window.addEventListener("hashchange", goToAddress);
