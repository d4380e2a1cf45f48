const words = data.turns.flatMap((turn) => turn.words);
const wordElements = [];
let nowWord = null;

function showTranscript() {
  const parts = [];
  for (const turn of data.turns) {
    const start = turn.words[0][1];
    const line = make("p", { class: `turn ${colourOf(turn.speaker)}`, dir: "auto" });
    const begin = make("button", { type: "button", "aria-label": `Go to ${clock(start, 0)}` }, clock(start, 0));
    begin.addEventListener("click", () => playWord(turn.words[0]));
    line.append(begin, make("span", { class: "who" }, whoOf(turn.speaker)));
    for (const word of turn.words) {
      const sentence = sentenceOf.get(word[3]);
      const element = make("span", { "data-w": wordElements.length, class: sentence && sentence.file ? null : "no-clip" }, word[0].trim());
      wordElements.push(element);
      line.append(word[0] !== word[0].trimStart() ? " " : "", element);
    }
    parts.push(line);
  }
  $("#transcript").append(...parts);
  $("#transcript").addEventListener("click", (event) => {
    const element = event.target.closest("[data-w]");
    if (element) playWord(words[Number(element.dataset.w)]);
  });
}

function playWord(word) {
  const sentence = sentenceOf.get(word[3]);
  if (sentence && sentence.file && word[2] > sentence.start && word[1] < sentence.end) playAt(sentence, word[1]);
  else {
    setTime(word[1]);
    say(sentence && sentence.reason ? `This sentence got no clip: ${sentence.reason}` : "This word is in no clip");
  }
}

/** Number of the last word that has begun at *time*; -1 before the first. */
function wordAt(time) {
  let low = 0, high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle][1] <= time + 0.001) low = middle + 1; else high = middle;
  }
  return low - 1;
}

function markWord(time) {
  const at = wordAt(time);
  const element = at >= 0 && time < words[at][2] + 0.3 ? wordElements[at] : null;
  if (element === nowWord) return;
  if (nowWord) nowWord.classList.remove("now");
  if (element) element.classList.add("now");
  nowWord = element;
}

/** Brings the word at *time* into view where the transcript has its own scroll bar; elsewhere the clip stays in view. */
function scrollToWord(time) {
  const element = wordElements[Math.max(wordAt(time), 0)];
  const box = $(".said");
  if (!element || box.scrollHeight <= box.clientHeight || getComputedStyle(box).overflowY !== "auto") return;
  const place = element.getBoundingClientRect(), frame = box.getBoundingClientRect();
  if (place.top < frame.top || place.bottom > frame.bottom) {
    box.scrollTop += place.top - frame.top - box.clientHeight / 3;
  }
}
