/* The trials of a sweep: a table that filters, and parallel coordinates that filter it; a trial's settings to copy. */
(function () {
  "use strict";
  var block = document.getElementById("trial-data"), table = document.getElementById("trials");
  if (!block || !table) return;
  var data = JSON.parse(block.textContent), picked = document.getElementById("picked"), said = document.getElementById("said");
  var ranges = data.axes.map(function () { return null; });
  var grid = new DataTable(table, {
    pageLength: 25, order: [[1, data.sign > 0 ? "desc" : "asc"]], autoWidth: false,
    language: { search: "Filter", lengthMenu: "_MENU_ trials a page", info: "_START_ to _END_ of _TOTAL_ trials", infoFiltered: "(filtered from _MAX_)" }
  });
  grid.search.fixed("ranges", function (_, row) { return inside(data.trials.indexOf(parseInt(row[0].replace(/\D/g, ""), 10))); });

  function inside(place) {
    return ranges.every(function (range, axis) {
      var height = data.heights[place][axis];
      return !range || (height >= range[0] && height <= range[1]);
    });
  }

  /* A trial's settings as words of the command line. */
  function pick(trial) {
    var place = data.trials.indexOf(trial);
    if (place < 0) return;
    picked.hidden = false;
    picked.querySelector("h3").textContent = "Trial " + trial;
    picked.querySelector("code").textContent = data.command + " " + data.overrides[place];
    said.textContent = "Trial " + trial + ": " + data.overrides[place];
    lines.forEach(function (line, other) { line.classList.toggle("picked", other === place); });
    Array.from(table.tBodies[0].rows).forEach(function (row) {
      row.classList.toggle("picked", row.cells[0].textContent.trim() === String(trial));
    });
  }
  table.addEventListener("click", function (event) {
    var row = event.target.closest("tbody tr");
    if (row && row.cells.length > 1) pick(parseInt(row.cells[0].textContent, 10));
  });
  document.getElementById("copy").addEventListener("click", function () {
    var words = picked.querySelector("code");
    getSelection().selectAllChildren(words);
    if (navigator.clipboard) navigator.clipboard.writeText(words.textContent).then(function () { said.textContent = "Copied"; }, function () {});
    else document.execCommand("copy");
  });

  var box = document.getElementById("parallel"), space = "http://www.w3.org/2000/svg";
  var width = 960, height = 340, left = 40, right = 90, top = 30, bottom = 24;
  var step = (width - left - right) / (data.axes.length - 1);
  function x(axis) { return left + axis * step; }
  function y(value) { return height - bottom - value * (height - top - bottom); }
  function make(tag, attributes, parent, text) {
    var made = document.createElementNS(space, tag);
    Object.keys(attributes).forEach(function (name) { made.setAttribute(name, attributes[name]); });
    if (text !== undefined) made.textContent = text;
    parent.appendChild(made);
    return made;
  }
  var picture = make("svg", { viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": "Parallel coordinates of the trials" }, box);
  var lines = data.heights.map(function (heights, place) {
    var points = heights.map(function (value, axis) { return x(axis).toFixed(1) + "," + y(value).toFixed(1); }).join(" ");
    return make("polyline", { points: points, class: "trial" + (place < data.best ? " best" : "") + (place === 0 ? " winner" : "") }, picture);
  });
  lines.forEach(function (line, place) { line.addEventListener("click", function () { pick(data.trials[place]); }); });
  lines.slice().reverse().forEach(function (line) { picture.appendChild(line); });
  data.axes.forEach(function (axis, index) {
    make("line", { x1: x(index), x2: x(index), y1: y(0), y2: y(1), class: "axis" }, picture);
    make("text", { x: x(index), y: 14, "text-anchor": index ? "middle" : "start", class: "name" }, picture, axis.name);
    axis.ticks.forEach(function (tick) { make("text", { x: x(index) + 4, y: y(tick[0]) + 4, class: "tick" }, picture, tick[1]); });
    var band = make("rect", { x: x(index) - 7, width: 14, y: 0, height: 0, class: "band" }, picture);
    var area = make("rect", { x: x(index) - 12, width: 24, y: y(1), height: y(0) - y(1), class: "area" }, picture);
    var from = null;
    function at(event) {
      var frame = picture.getBoundingClientRect();
      return Math.min(1.03, Math.max(-0.03, (height - bottom - ((event.clientY - frame.top) * height) / frame.height) / (height - top - bottom)));
    }
    area.addEventListener("pointerdown", function (event) { from = at(event); area.setPointerCapture(event.pointerId); });
    area.addEventListener("pointermove", function (event) { if (from !== null) show(Math.min(from, at(event)), Math.max(from, at(event))); });
    area.addEventListener("pointerup", function (event) {
      var to = at(event);
      if (Math.abs(to - from) < 0.02) { ranges[index] = null; band.setAttribute("height", 0); } else ranges[index] = [Math.min(from, to), Math.max(from, to)];
      from = null;
      apply();
    });
    function show(low, high) { band.setAttribute("y", y(high)); band.setAttribute("height", y(low) - y(high)); }
    axis.clear = function () { ranges[index] = null; band.setAttribute("height", 0); };
  });
  function apply() {
    grid.draw();
    lines.forEach(function (line, place) { line.classList.toggle("out", !inside(place)); });
  }
  document.getElementById("clear").addEventListener("click", function () { data.axes.forEach(function (axis) { axis.clear(); }); apply(); });
  box.closest("figure").classList.add("drawn");
})();
