document.querySelectorAll("table.sort").forEach(function (table) {
  table.querySelectorAll("thead th").forEach(function (head, column) {
    head.classList.add("sortable");
    head.tabIndex = 0;
    function key(row) {
      var cell = row.cells[column], text = cell.dataset.value || cell.textContent.trim();
      var number = parseFloat(text.replace(/,/g, ""));
      return isNaN(number) ? text : number;
    }
    function sort() {
      var up = head.getAttribute("aria-sort") !== "ascending", body = table.tBodies[0];
      table.querySelectorAll("thead th").forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      Array.from(body.rows).sort(function (a, b) {
        var x = key(a), y = key(b), order = typeof x === typeof y ? (x > y) - (x < y) : typeof x === "number" ? -1 : 1;
        return up ? order : -order;
      }).forEach(function (row) { body.appendChild(row); });
    }
    head.addEventListener("click", sort);
    head.addEventListener("keydown", function (event) { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
  });
});
