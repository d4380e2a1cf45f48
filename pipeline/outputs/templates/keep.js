/** Copies the command that keeps the doubtful sentences; shows it, selected, where the browser refuses. */
async function copyCommand(button) {
  try {
    await navigator.clipboard.writeText(data.keep);
  } catch {
    showCommand();
    return;
  }
  say("Command copied. Run it in a terminal, in the folder of the program");
  const label = button.dataset.label || button.textContent;
  button.dataset.label = label;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 4000);
}

function showCommand() {
  const text = $("#command textarea");
  text.value = data.keep;
  $("#command").showModal();
  text.focus();
  text.select();
}

function startCopying() {
  for (const button of document.querySelectorAll("[data-keep]")) button.addEventListener("click", () => copyCommand(button));
}
