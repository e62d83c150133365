// Sends the chosen videos one after another, each straight from its file, and shows how far it is.
// Whatever comes from files or from the server is written as text, never as markup.

const MB = 1_000_000;

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const box = parentElement.querySelector(".box");
  const input = parentElement.querySelector("input");
  const list = parentElement.querySelector(".files");
  parentElement.querySelector(".limit").textContent =
    `up to ${data.limit_mb} MB` + (data.most_files > 1 ? ` a file, ${data.most_files} files at once` : "");

  // The server draws the page again while files are on their way: they stay in this state.
  const state = (box.state ??= { waiting: [], busy: false });
  state.data = data;
  // Its time makes each answer another one, which is what draws the page again.
  state.done = (answer) => setTriggerValue("sent", { ...answer, at: Date.now() });

  input.onchange = () => {
    add([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  };
  box.ondragover = (event) => {
    event.preventDefault();
    box.classList.add("over");
  };
  box.ondragleave = () => box.classList.remove("over");
  box.ondrop = (event) => {
    event.preventDefault();
    box.classList.remove("over");
    add([...event.dataTransfer.files]);
  };

  function add(files) {
    if (!state.busy) list.replaceChildren();
    const taken = files.slice(0, state.data.most_files);
    for (const file of taken) state.waiting.push({ file, row: newRow(list, file) });
    if (taken.length < files.length) {
      const row = newRow(list, { name: `${files.length - taken.length} more files` });
      finish(row, `not taken: at most ${state.data.most_files} at once`, false);
    }
    if (!state.busy) sendAll(state);
  }
}

async function sendAll(state) {
  state.busy = true;
  let last = {};
  while (state.waiting.length) {
    const { file, row } = state.waiting.shift();
    const { answer, refused } = await send(file, row, state.data);
    finish(row, refused ?? "stored", refused === undefined);
    last = answer ?? last;
  }
  state.busy = false;
  state.done(last);
}

// Resolves to the server's `answer` when the file is stored, else to why it is `refused`.
function send(file, row, data) {
  if (file.size > data.limit_mb * MB) {
    return Promise.resolve({ refused: `it is larger than ${data.limit_mb} MB` });
  }
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const query = new URLSearchParams({ name: file.name, ...data.query });
    request.open("PUT", `${data.address}?${query}`);
    request.setRequestHeader(data.token_header, data.token);
    request.upload.onprogress = (event) => {
      row.querySelector("progress").value = event.loaded / Math.max(event.total, 1);
    };
    request.onload = () => resolve(outcome(request));
    request.onerror = () => resolve({ refused: "the connection was lost" });
    request.send(file);
  });
}

function outcome(request) {
  try {
    const said = JSON.parse(request.responseText);
    return request.status === 200 ? { answer: said } : { refused: said.error };
  } catch {
    return { refused: "the server did not take it" };
  }
}

function newRow(list, file) {
  const row = document.createElement("li");
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = file.name;
  const bar = document.createElement("progress");
  bar.value = 0;
  bar.setAttribute("aria-label", "sent");
  row.append(name, bar);
  list.append(row);
  return row;
}

function finish(row, text, isStored) {
  const said = document.createElement("span");
  said.className = isStored ? "stored" : "refused";
  said.textContent = text;
  row.querySelector("progress").replaceWith(said);
}
