/* The switch of the colour scheme, the table of contents, tables that sort, definitions beside their marks, links into
   folded parts, and print. */
(function () {
  "use strict";
  var root = document.documentElement, switcher = document.getElementById("theme");

  function stored() { try { return localStorage.getItem("theme") || "auto"; } catch (_) { return "auto"; } }
  function dress(theme) {
    if (theme === "auto") root.removeAttribute("data-theme"); else root.dataset.theme = theme;
    if (switcher) switcher.value = theme;
    document.dispatchEvent(new Event("themechange"));
  }
  if (switcher) {
    switcher.addEventListener("change", function () {
      try { localStorage.setItem("theme", switcher.value); } catch (_) { /* a page opened without storage */ }
      dress(switcher.value);
    });
  }
  dress(stored());

  document.querySelectorAll("table.sort").forEach(function (table) {
    table.querySelectorAll("thead th").forEach(function (head, column) {
      head.classList.add("sortable");
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) button.appendChild(head.firstChild);
      head.appendChild(button);
      function key(row) {
        var cell = row.cells[column], text = cell.dataset.value || cell.textContent.trim();
        if (/^\d{4}-\d\d/.test(text)) return text;
        var number = parseFloat(text.replace(/,/g, ""));
        return isNaN(number) ? text : number;
      }
      button.addEventListener("click", function () {
        var up = head.getAttribute("aria-sort") !== "ascending", body = table.tBodies[0];
        table.querySelectorAll("thead th").forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        Array.from(body.rows).sort(function (a, b) {
          var x = key(a), y = key(b), order = typeof x === typeof y ? (x > y) - (x < y) : typeof x === "number" ? -1 : 1;
          return up ? order : -order;
        }).forEach(function (row) { body.appendChild(row); });
      });
    });
  });

  /* The mark of a definition shows it at its place; without popovers it leads to the list of all of them. */
  var tip = document.createElement("div");
  if (tip.showPopover) {
    tip.popover = "auto";
    tip.className = "definition";
    document.body.appendChild(tip);
    document.addEventListener("click", function (event) {
      var mark = event.target.closest && event.target.closest("a.def");
      var term = mark && document.getElementById(mark.hash.slice(1));
      if (!term || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      tip.textContent = "";
      var title = document.createElement("strong"), list = document.createElement("a");
      title.textContent = term.textContent;
      tip.appendChild(title);
      for (var part = term.nextElementSibling; part && part.tagName === "DD"; part = part.nextElementSibling) {
        var text = document.createElement("p");
        part.childNodes.forEach(function (node) { text.appendChild(node.cloneNode(true)); });
        tip.appendChild(text);
      }
      list.href = mark.hash;
      list.textContent = "All definitions";
      list.addEventListener("click", function () { tip.hidePopover(); });
      tip.appendChild(list);
      tip.showPopover();
      var box = mark.getBoundingClientRect(), room = innerWidth - tip.offsetWidth - 8;
      tip.style.left = Math.max(8, Math.min(box.left, room)) + "px";
      tip.style.top = (box.bottom + 6 + tip.offsetHeight < innerHeight ? box.bottom + 6 : Math.max(8, box.top - 6 - tip.offsetHeight)) + "px";
    });
    document.addEventListener("scroll", function () { if (tip.matches(":popover-open")) tip.hidePopover(); }, { passive: true });
  }

  /* A link to a folded part unfolds it. */
  function unfold() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (var part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (target.querySelector(":scope > details")) target.querySelector(":scope > details").open = true;
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", unfold);
  unfold();

  var contents = document.querySelector("nav.toc");
  if (contents) {
    var links = {};
    contents.querySelectorAll("a").forEach(function (link) { links[link.hash.slice(1)] = link; });
    var seen = new Set();
    var watch = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) { if (entry.isIntersecting) seen.add(entry.target.id); else seen.delete(entry.target.id); });
      var here = Object.keys(links).find(function (id) { return seen.has(id); });
      Object.keys(links).forEach(function (id) {
        if (id === here) links[id].setAttribute("aria-current", "true"); else links[id].removeAttribute("aria-current");
      });
    }, { rootMargin: "-10% 0px -60% 0px" });
    Object.keys(links).forEach(function (id) { var part = document.getElementById(id); if (part) watch.observe(part); });
    var fold = contents.querySelector("details");
    if (fold) fold.open = matchMedia("(min-width: 1100px)").matches;
    contents.addEventListener("click", function (event) {
      if (event.target.matches("a") && fold && !matchMedia("(min-width: 1100px)").matches) fold.open = false;
    });
  }

  /* A part that scrolls sideways can be reached by Tab. */
  function reach() {
    document.querySelectorAll("figure, .figure, pre").forEach(function (part) {
      if (part.scrollWidth > part.clientWidth) part.tabIndex = 0; else part.removeAttribute("tabindex");
    });
  }
  reach();
  window.addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);

  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = Array.from(document.querySelectorAll("details:not([open])"));
    folded.forEach(function (part) { part.open = true; });
  });
  window.addEventListener("afterprint", function () { folded.forEach(function (part) { part.open = false; }); });
})();
