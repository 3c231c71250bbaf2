/* The table of runs: sorting, filtering, columns, ticks and the pin. */
(function () {
  "use strict";
  var review = window.review, four = window.timeCharts.four;
  var ticked = new Set(), pinned = review.pinned.length ? review.pinned[0] : null;
  var listeners = [];
  var place = { mark: review.column("mark"), note: review.column("note"), name: review.column("name") };
  review.pinned.forEach(function (run) { ticked.add(run); });

  function text(value, unit) {
    if (value === null || value === undefined) return "–";
    if (unit === "fraction") return four(100 * value) + " %";
    if (unit === "probability") return value.toFixed(3);
    if (unit === "count") return value.toLocaleString("en-US");
    return unit === "ratio" ? four(value) : String(value);
  }

  function element(tag, name, words) {
    var made = document.createElement(tag);
    if (name) made.className = name;
    if (words !== undefined) made.textContent = words;
    return made;
  }

  function value(run, column) { return review.rows[run][column]; }

  function isText(column) { return column.unit === "text" || column.unit === "date"; }

  /* A cell is made of nodes, so that no name and no note is ever read as HTML. */
  function cell(run, index) {
    var column = review.columns[index], found = value(run, index);
    if (column.key === "name" && review.links[run].length) {
      var box = element("span");
      review.links[run].forEach(function (link, at) {
        var anchor = element("a", "", at ? review.pages[run][at] : found);
        anchor.href = link;
        anchor.title = "Opens the " + review.pages[run][at];
        anchor.target = "_blank";
        anchor.rel = "noopener";
        if (at) { box.append(" "); anchor.className = "further"; }
        box.append(anchor);
      });
      if (review.doubts[run]) box.title = review.doubts[run];
      return box;
    }
    if (column.key === "mark") return review.marking ? review.marking(run) : found ? element("span", "mark " + found, found) : element("span", "", "");
    return document.createTextNode(found === null && isText(column) ? "" : text(found, column.unit));
  }

  function tools(run) {
    var box = element("span"), tick = element("input"), pin = element("input");
    var name = review.rows[run][place.name];
    tick.type = "checkbox";
    tick.checked = ticked.has(run);
    tick.setAttribute("aria-label", "Compare " + name);
    tick.addEventListener("change", function () { if (tick.checked) ticked.add(run); else ticked.delete(run); changed(); });
    pin.type = "radio";
    pin.name = "pin";
    pin.checked = pinned === run;
    pin.title = "Pin: compare settings with this run";
    pin.setAttribute("aria-label", "Pin " + name);
    pin.addEventListener("change", function () { pinned = run; ticked.add(run); changed(); });
    box.append(tick, " ", pin);
    return box;
  }

  function changed() {
    table.rows({ page: "current" }).every(function () {
      var run = this.data(), row = this.node();
      row.classList.toggle("ticked", ticked.has(run));
      row.querySelector("td.tools input[type=checkbox]").checked = ticked.has(run);
    });
    listeners.forEach(function (listener) { listener(); });
  }

  function column(spec, index) {
    return {
      data: null,
      title: spec.title,
      name: spec.key,
      visible: spec.first,
      searchable: false,
      className: (isText(spec) ? "left " : "") + "of-" + spec.key,
      searchable: false,  // the conditions below choose the rows
      orderSequence: isText(spec) ? ["asc", "desc"] : ["desc", "asc"],
      type: isText(spec) ? "string" : "num",
      render: function (run, kind) {
        var found = value(run, index);
        if (kind === "display") return cell(run, index);
        if (kind === "sort" || kind === "type") return found === null || found === "" ? (isText(spec) ? "" : -Infinity) : found;
        return found === null ? "" : String(found);
      }
    };
  }

  /* --- conditions: words, and comparisons of a column */
  var CONDITION = /([a-z_0-9]+)\s*(<=|>=|<|>|=)\s*("[^"]*"|[^\s]+)/gi, PARTS = { "<": 1, ">": 1, "<=": 1, ">=": 1, "=": 1 };

  function conditions(words) {
    var tests = [], rest = words.replace(CONDITION, function (_, key, sign, wanted) {
      var index = review.column(key.toLowerCase());
      if (index < 0) throw new Error("There is no column “" + key + "”.");
      tests.push(test(index, sign, wanted.replace(/^"|"$/g, "")));
      return " ";
    });
    rest.split(/\s+/).filter(function (word) { return word && word.toLowerCase() !== "and"; }).forEach(function (word) {
      if (word in PARTS) throw new Error("A condition needs a column, a sign and a value.");
      var small = word.toLowerCase();
      tests.push(function (run) {
        return review.rows[run].some(function (found) { return typeof found === "string" && found.toLowerCase().indexOf(small) >= 0; });
      });
    });
    return tests;
  }

  function test(index, sign, wanted) {
    var textual = isText(review.columns[index]), limit = wanted.toLowerCase();
    if (!textual) {
      limit = parseFloat(wanted) / (/%$/.test(wanted) ? 100 : 1);
      if (isNaN(limit)) throw new Error("“" + wanted + "” is not a number.");
    }
    return function (run) {
      var found = value(run, index);
      if (found === null || found === undefined) return false;
      if (textual) found = found.toLowerCase();
      if (sign === "=") return textual ? (limit === "" ? found === "" : found.indexOf(limit) === 0) : found === limit;
      if (textual && found === "") return false;
      return sign === "<" ? found < limit : sign === ">" ? found > limit : sign === "<=" ? found <= limit : found >= limit;
    };
  }

  var runs = review.rows.map(function (_, run) { return run; }), tests = [];

  var table = new DataTable("#table", {
    data: runs,
    deferRender: true,
    autoWidth: false,
    pageLength: 25,
    lengthMenu: [10, 25, 50, 100, 250],
    order: [[1 + review.column("made"), "desc"]],
    layout: { topStart: null, topEnd: null, bottomStart: ["pageLength", "info"], bottomEnd: "paging" },
    language: { info: "Runs _START_ to _END_ of _TOTAL_", infoEmpty: "No run passes the filter", emptyTable: "No run passes the filter", lengthMenu: "Show _MENU_ runs" },
    columns: [{ data: null, title: "Compare, pin", orderable: false, searchable: false, className: "tools", render: function (run, kind) { return kind === "display" ? tools(run) : ""; } }].concat(review.columns.map(column)),
    createdRow: function (row, run) {
      row.classList.toggle("ticked", ticked.has(run));
      row.classList.toggle("doubt", !!review.doubts[run]);
    }
  });

  var filter = document.getElementById("filter"), note = document.getElementById("filter-note"), waiting;
  function apply() {
    try {
      tests = conditions(filter.value);
      note.className = "";
    } catch (problem) {
      note.textContent = problem.message;
      note.className = "wrong";
      return;
    }
    var shown = runs.filter(function (run) { return tests.every(function (passes) { return passes(run); }); });
    note.textContent = filter.value.trim() ? shown.length.toLocaleString("en-US") + " of " + runs.length.toLocaleString("en-US") + " runs" : "";
    table.clear().rows.add(shown).draw();
  }
  filter.addEventListener("input", function () { clearTimeout(waiting); waiting = setTimeout(apply, 150); });

  var boxes = document.getElementById("columns");
  review.columns.forEach(function (spec, index) {
    var label = element("label"), input = element("input");
    input.type = "checkbox";
    input.checked = spec.first;
    input.addEventListener("change", function () { table.column(index + 1).visible(input.checked); });
    label.append(input, " " + spec.title);
    label.title = spec.meaning;
    boxes.append(label);
  });
  table.on("order", function () { if (ticked.size > 1) listeners.forEach(function (listener) { listener(); }); });
  document.addEventListener("click", function (event) {
    document.querySelectorAll(".filters details[open]").forEach(function (part) { if (!part.contains(event.target)) part.open = false; });
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") document.querySelectorAll(".filters details[open]").forEach(function (part) { part.open = false; part.querySelector("summary").focus(); });
  });

  review.table = table;
  review.text = text;
  review.element = element;
  /* In the order of the table; those that the filter hides come last. */
  review.ticked = function () {
    var order = Array.from(table.rows({ order: "applied" }).data()).filter(function (run) { return ticked.has(run); });
    return order.concat(Array.from(ticked).filter(function (run) { return order.indexOf(run) < 0; }));
  };
  review.pin = function () { return pinned; };
  review.untick = function () { ticked.clear(); changed(); };
  review.value = value;
  review.onTick = function (listener) { listeners.push(listener); };
})();
