/** Plays a stretch of the source itself, for sentences without a clip; says so where the browser cannot. */
function playSource(line) {
  const from = Math.max(line.start + data.source.lead, 0);
  const until = line.end + data.source.lead;
  const box = $("#source");
  let video = box.querySelector("video");
  if (!video) {
    video = make("video", { controls: true, preload: "metadata", playsinline: true, src: data.source.url });
    video.addEventListener("timeupdate", () => {
      if (video.currentTime >= Number(video.dataset.until)) video.pause();
      setTime(video.currentTime - data.source.lead);
    });
    video.addEventListener("error", () => {
      say("The source cannot be played here: the browser does not know its format, or it is no longer in its place");
    });
    box.append(video);
  }
  box.hidden = false;
  video.setAttribute("aria-label", `Source: ${line.text}`);
  video.dataset.until = until;
  for (const other of document.querySelectorAll("video")) if (other !== video) other.pause();
  const start = () => { video.currentTime = from; video.play().catch(() => {}); };
  if (video.readyState >= 1) start();
  else video.addEventListener("loadedmetadata", start, { once: true });
  box.scrollIntoView({ block: "nearest" });
}

function startSource() {
  for (const button of document.querySelectorAll("[data-source]")) {
    button.addEventListener("click", () => playSource(sentenceOf.get(Number(button.closest("tr").dataset.index))));
  }
}
