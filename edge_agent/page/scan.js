// Sends what a keyboard scanner types, one after the other, until the agent has said of each that it
// is kept or why not. The id of a scan stays the same however often it is sent: it counts once.
"use strict";
(() => {
  const form = document.getElementById("scan");
  const input = document.getElementById("text");
  const list = document.getElementById("scans");
  const away = document.getElementById("away");
  const store = "lineside-scans-" + form.dataset.device;
  const MOST_WAITING = 1000;
  const MOST_SHOWN = 30;
  let token = form.elements.token.value;
  let waiting = [];
  let sending = false;

  try {
    waiting = JSON.parse(localStorage.getItem(store) || "[]");
  } catch {
    waiting = [];
  }

  const remember = () => {
    try {
      localStorage.setItem(store, JSON.stringify(waiting));
    } catch {
      // a browser without memory: the scans wait in this page alone
    }
  };

  const newId = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
  };

  const show = (scan, words, mark) => {
    let row = document.getElementById(scan.id);
    if (!row) {
      row = document.createElement("tr");
      row.id = scan.id;
      row.append(...[0, 1, 2].map(() => document.createElement("td")));
      row.children[0].textContent = new Date().toLocaleTimeString();
      row.children[1].textContent = scan.text;
      list.prepend(row);
      while (list.children.length > MOST_SHOWN) list.lastChild.remove();
    }
    row.children[2].textContent = words;
    row.children[2].className = mark;
  };

  const post = async (scan) => {
    const body = new URLSearchParams({ token, id: scan.id, text: scan.text });
    const answer = await fetch(form.action, {
      method: "POST", body, headers: { Accept: "application/json" },
    });
    return answer.json();
  };

  const pause = () => new Promise((done) => setTimeout(done, 1000));

  const send = async () => {
    if (sending) return;
    sending = true;
    while (waiting.length) {
      try {
        const said = await post(waiting[0]);
        away.hidden = true;
        if (said.token) token = said.token;
        show(waiting[0], said.message, said.good ? "good" : "bad");
        if (said.again) {
          await pause();
        } else {
          waiting.shift();
          remember();
        }
      } catch {
        away.hidden = false;
        await pause();
      }
    }
    sending = false;
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value;
    if (!text || waiting.length >= MOST_WAITING) return;
    input.value = "";
    const scan = { id: newId(), text };
    waiting.push(scan);
    remember();
    show(scan, form.dataset.sending, "");
    send();
  });

  // Scanners type wherever the focus is: it stays in the field.
  const focus = () => input.focus();
  input.addEventListener("blur", () => setTimeout(focus, 0));
  document.addEventListener("keydown", focus);
  waiting.forEach((scan) => show(scan, form.dataset.sending, ""));
  focus();
  send();
})();
