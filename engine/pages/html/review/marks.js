/* Marks: keep, maybe or reject and a note, saved by the server that served the page. Read before the table. */
(function () {
  "use strict";
  var review = window.review;
  if (!review.served) return;
  var mark = review.column("mark"), note = review.column("note"), name = review.column("name");

  function element(tag, kind) { var made = document.createElement(tag); if (kind) made.className = kind; return made; }

  review.marking = function (run) {
    var box = element("span", "marking"), choice = element("select"), words = element("input"), state = element("span", "saved");
    ["", "keep", "maybe", "reject"].forEach(function (value) {
      var option = element("option");
      option.value = value;
      option.textContent = value || "no mark";
      choice.append(option);
    });
    choice.value = review.rows[run][mark] || "";
    choice.setAttribute("aria-label", "Mark of " + review.rows[run][name]);
    words.value = review.rows[run][note] || "";
    words.maxLength = 2000;
    words.placeholder = "Note";
    words.setAttribute("aria-label", "Note on " + review.rows[run][name]);
    state.setAttribute("role", "status");
    function save() { send(run, choice, words, state); }
    choice.addEventListener("change", save);
    words.addEventListener("change", save);
    box.append(choice, words, state);
    return box;
  };

  function send(run, choice, words, state) {
    state.className = "saved";
    state.textContent = "saving";
    fetch("mark/" + run, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ mark: choice.value, note: words.value, revision: review.revisions[run] })
    }).then(function (answer) {
      return answer.json().then(function (body) { taken(run, answer, body, state, choice, words); });
    }).catch(function () { wrong(state, "Not saved: the server does not answer. Is it still running?"); });
  }

  function taken(run, answer, body, state, choice, words) {
    if (answer.status === 409) {
      review.revisions[run] = body.revision;
      wrong(state, "Not saved: another window marked it “" + (body.mark || "no mark") + "”" + (body.note ? ", “" + body.note + "”" : "") + ". Save again to replace that.");
      return;
    }
    if (!answer.ok) { wrong(state, "Not saved: " + body.detail); return; }
    review.revisions[run] = body.revision;
    review.rows[run][mark] = body.mark;
    review.rows[run][note] = body.note;
    state.textContent = "saved";
  }

  function wrong(state, words) { state.className = "saved wrong"; state.textContent = words; }
})();
