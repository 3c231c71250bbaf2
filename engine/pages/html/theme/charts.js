/* Draws charts over time with uPlot from the blocks that engine/pages/time_charts.py writes.
   <figure class="chart"><script type="application/json"> holds {unit, first, steps, panels}; arrays are base64 of unsigned
   or signed integers, little-endian: times as steps in units of `unit` seconds, values as steps above a base.
   A script that makes a figure itself may give plain arrays: `times` in units, `data` of values, `period` in words.
   Charts of one page share cursor and zoom. */
(function () {
  "use strict";
  var drawn = [];
  var live = document.getElementById("said");
  var still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  function bytes(text) {
    var raw = atob(text), out = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out.buffer;
  }

  var KINDS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array };

  /* Whole steps above a base; 0 of a u2 is a gap. */
  function numbers(line, others) {
    if (Array.isArray(line.data)) return line.data;
    if (line.fallOf) return falls(others.find(function (other) { return other.label === line.fallOf; }).values);
    return Array.from(new KINDS[line.kind](bytes(line.data)), function (steps) {
      if (line.kind === "u2" && steps === 0) return null;
      var value = line.base + line.step * steps;
      return Math.abs(value) < 0.6 * line.step && line.kind === "u2" ? 0 : value;
    });
  }

  function falls(values) {
    var high = values.start;
    return values.map(function (value) { high = Math.max(high, value); return value / high - 1; });
  }

  function seconds(spec) {
    if (spec.times) return spec.times.map(function (time) { return time * spec.unit; });
    var time = spec.first, out = [time * spec.unit];
    new KINDS[spec.stepKind](bytes(spec.steps)).forEach(function (step) { time += step; out.push(time * spec.unit); });
    return out;
  }

  function css(name) {
    return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  }

  /* Four significant digits, as core/number_format.py writes them. */
  function four(value) {
    if (value === null || value === undefined || !isFinite(value)) return "n/a";
    if (Math.abs(value) < 1e-12) return "0";
    var power = parseInt(value.toExponential(3).split("e")[1], 10);
    var digits = Math.max(0, 3 - power);
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  function three(value) {
    return Math.abs(value) < 1e-12 ? "0" : parseFloat(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 12 });
  }

  function text(value, unit) {
    if (value === null || value === undefined) return "n/a";
    if (unit === "fraction") return three(100 * value) + " %";
    if (unit === "money") return value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    return unit === "price" ? four(value) : three(value);
  }

  function tick(value, unit) {
    if (unit === "fraction") return parseFloat((100 * value).toPrecision(10)).toLocaleString("en-US", { maximumFractionDigits: 6 }) + " %";
    return parseFloat(value.toPrecision(10)).toLocaleString("en-US", { maximumFractionDigits: 6 });
  }

  function day(time, unit) {
    var iso = new Date(time * 1000).toISOString();
    return unit < 86400 ? iso.slice(0, 16).replace("T", " ") : iso.slice(0, 10);
  }

  function asUtc(time) {
    var date = new Date(time * 1000);
    return new Date(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes());
  }

  function element(tag, name, parent) {
    var made = document.createElement(tag);
    if (name) made.className = name;
    if (parent) parent.appendChild(made);
    return made;
  }

  function Chart(figure) {
    var self = this;
    this.figure = figure;
    this.spec = JSON.parse(figure.querySelector("script").textContent);
    this.box = figure.querySelector(".live");
    this.times = seconds(this.spec);
    this.log = false;
    this.at = null;
    this.spec.panels.forEach(function (panel) {
      panel.lines.forEach(function (line) { line.values = numbers(line, self.spec.panels[0].lines); line.values.start = self.spec.start; line.shown = !line.hidden; });
      (panel.marks || []).forEach(function (marks) { marks.shown = true; });
    });
    this.bar = element("div", "bar", this.box);
    this.plots = element("div", "plots", this.box);
    this.plots.tabIndex = 0;
    this.plots.setAttribute("role", "group");
    this.plots.setAttribute("aria-label", figure.dataset.sentence + " Arrow keys move the cursor, plus and minus zoom, 0 shows all.");
    this.hint = element("div", "hint", this.box);
    this.hint.hidden = true;
    this.toolbar();
    this.build();
    this.plots.addEventListener("keydown", function (event) { self.key(event); });
    new ResizeObserver(function () {
      var width = self.plots.clientWidth;
      self.charts.forEach(function (chart) { if (width && chart.width !== width) chart.setSize({ width: width, height: chart.height }); });
    }).observe(this.plots);
  }

  Chart.prototype.each = function (action) {
    this.spec.panels.forEach(function (panel, index) { panel.lines.forEach(function (line, place) { action(line, panel, index, place); }); });
  };

  /* One tick box for each label; it also shows the value under the cursor. */
  Chart.prototype.toolbar = function () {
    var self = this, boxes = {};
    this.when = element("span", "when", this.bar);
    this.outputs = [];
    this.each(function (line, panel, index, place) {
      var key = line.label;
      if (!boxes[key]) {
        boxes[key] = self.tickBox(key, line.colour, line.shown, function (shown) {
          self.each(function (other, _, row, column) {
            if (other.label === key) { other.shown = shown; self.charts[row].setSeries(column + 1, { show: shown }); }
          });
        });
      }
      var output = element("output", "", boxes[key]);
      output.title = panel.title;
      self.outputs.push({ node: output, line: line, unit: panel.unit, title: panel.title, short: panel.short });
    });
    this.spec.panels.forEach(function (panel) {
      (panel.marks || []).forEach(function (marks) {
        self.tickBox(marks.label + " (" + marks.at.length + ")", marks.colour, true, function (shown) {
          marks.shown = shown;
          self.redraw();
        });
      });
    });
    var buttons = element("span", "buttons", this.bar);
    if (this.spec.panels.some(function (panel) { return panel.log; })) {
      this.button(buttons, "Log scale", function (button) {
        self.log = !self.log;
        button.setAttribute("aria-pressed", self.log);
        self.build();
      }).setAttribute("aria-pressed", "false");
    }
    var last = this.times[this.times.length - 1], first = this.times[0], year = 365.25 * 86400;
    [1, 3, 5].forEach(function (years) {
      if (last - first > years * year * 1.2) self.button(buttons, years + " y", function () { zoom(last - years * year, last); });
    });
    this.button(buttons, "All", function () { zoom(first, last); });
    this.button(buttons, "CSV", function () { self.save(); }).title = "Save the values of this chart as a CSV file";
  };

  Chart.prototype.tickBox = function (label, colour, shown, changed) {
    var box = element("label", "tick", this.bar), input = element("input", "", box);
    input.type = "checkbox";
    input.checked = shown;
    element("i", "swatch " + colour, box);
    element("span", "", box).textContent = label;
    input.addEventListener("change", function () { changed(input.checked); });
    return box;
  };

  Chart.prototype.button = function (parent, label, action) {
    var button = element("button", "", parent);
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", function () { action(button); });
    return button;
  };

  Chart.prototype.build = function () {
    var self = this, scale = this.charts && this.charts[0].scales.x;
    (this.charts || []).forEach(function (chart) { chart.destroy(); });
    this.charts = this.spec.panels.map(function (panel, index) {
      return new uPlot(self.options(panel, index), [self.times].concat(panel.lines.map(function (line) { return line.values; })), self.plots);
    });
    if (scale && scale.min !== null) this.range(scale.min, scale.max);
  };

  Chart.prototype.options = function (panel, index) {
    var self = this, last = index === this.spec.panels.length - 1, logarithmic = this.log && panel.log;
    var ink = function () { return css("muted"); }, rule = function () { return css("rule"); };
    var axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width: this.plots.clientWidth || 600,
      height: panel.height + (last ? 28 : 0),
      tzDate: asUtc,
      legend: { show: false },
      padding: [8, 8, last ? 0 : 4, 0],
      cursor: {
        sync: { key: "time", scales: ["x", null] }, drag: { x: true, y: false, setScale: true },
        points: { size: 6 }, y: false
      },
      scales: { x: { time: true }, y: { distr: logarithmic ? 3 : 1, range: logarithmic ? undefined : rangeOf(panel) } },
      axes: [
        Object.assign({}, axis, { show: last, size: 28, space: this.plots.clientWidth < 500 ? 52 : 76, values: dates }),
        Object.assign({}, axis, {
          size: 74,
          space: 34,
          values: function (_, splits) { return splits.map(function (value) { return value === null ? "" : tick(value, panel.unit); }); }
        })
      ],
      series: [{}].concat(panel.lines.map(function (line) {
        return {
          label: line.label, show: line.shown, width: line.width || 1.5, spanGaps: false, points: { show: false },
          stroke: function () { return css(line.colour); },
          fill: line.fill ? function () { return css(line.colour) + "26"; } : undefined,
          fillTo: line.fill ? function () { return 0; } : undefined,
          paths: line.bars ? uPlot.paths.bars({ size: [1, 3] }) : undefined
        };
      })),
      hooks: {
        setCursor: [function (chart) { if (index === 0) self.read(chart.cursor.idx); if (panel.marks) self.hover(chart, panel); }],
        setScale: [function (chart, key) { if (key === "x" && !zooming) zoom(chart.scales.x.min, chart.scales.x.max); }],
        draw: [function (chart) { caption(chart, panel); (panel.marks || []).forEach(function (marks) { if (marks.shown) shapes(chart, marks, self.times); }); }]
      }
    };
  };

  /* Dates of the time axis, as long as the step between two of them needs. */
  function dates(_, splits, axis, space, step) {
    var length = step >= 28e6 ? 4 : step >= 2.4e6 ? 7 : 10;
    return splits.map(function (time) {
      var iso = new Date(time * 1000).toISOString();
      return step < 86400 ? iso.slice(5, 16).replace("T", " ") : iso.slice(0, length);
    });
  }

  function rangeOf(panel) {
    return function (_, low, high) {
      if (low === null) return [0, 1];
      if (panel.zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
      var pad = 0.05 * (high - low) || Math.abs(high) * 0.01 || 1;
      var below = panel.zero && high === 0;  // the title stands below the curves: leave it a line
      return [panel.zero && low === 0 ? 0 : low - (below ? 5 * pad : pad), below ? 0 : high + pad];
    };
  }

  function caption(chart, panel) {
    var context = chart.ctx, ratio = devicePixelRatio || 1;
    context.save();
    context.font = 12 * ratio + "px system-ui, sans-serif";
    context.textAlign = "left";
    var below = chart.scales.y.max <= 0;
    context.textBaseline = below ? "bottom" : "top";
    var left = chart.bbox.left + 6 * ratio, at = chart.bbox.top + (below ? chart.bbox.height - 2 * ratio : 2 * ratio);
    context.globalAlpha = 0.8;  // a ground under the words, where curves pass
    context.fillStyle = css("page");
    context.fillRect(left - 3 * ratio, below ? at - 15 * ratio : at, context.measureText(panel.title).width + 6 * ratio, 15 * ratio);
    context.globalAlpha = 1;
    context.fillStyle = css("muted");
    context.fillText(panel.title, left, at);
    context.restore();
  }

  /* Marks have a shape as well as a colour: up, down, cross, diamond, dot. */
  function shapes(chart, marks, times) {
    var context = chart.ctx, size = 4.5 * (devicePixelRatio || 1), x, y, place;
    context.save();
    context.beginPath();
    context.rect(chart.bbox.left, chart.bbox.top, chart.bbox.width, chart.bbox.height);
    context.clip();
    context.fillStyle = context.strokeStyle = css(marks.colour);
    context.lineWidth = 1.6 * (devicePixelRatio || 1);
    for (place = 0; place < marks.at.length; place++) {
      if (times[marks.at[place]] < chart.scales.x.min || times[marks.at[place]] > chart.scales.x.max) continue;
      x = chart.valToPos(times[marks.at[place]], "x", true);
      y = chart.valToPos(marks.y[place], "y", true);
      shape(context, marks.shape, x, y, size);
    }
    context.restore();
  }

  function shape(context, kind, x, y, size) {
    context.beginPath();
    if (kind === "up") { context.moveTo(x, y - size); context.lineTo(x + size, y + size); context.lineTo(x - size, y + size); }
    else if (kind === "down") { context.moveTo(x, y + size); context.lineTo(x + size, y - size); context.lineTo(x - size, y - size); }
    else if (kind === "diamond") { context.moveTo(x, y - size); context.lineTo(x + size, y); context.lineTo(x, y + size); context.lineTo(x - size, y); }
    else if (kind === "dot") { context.arc(x, y, size * 0.6, 0, 7); }
    else {
      context.moveTo(x - size * 0.8, y - size * 0.8); context.lineTo(x + size * 0.8, y + size * 0.8);
      context.moveTo(x - size * 0.8, y + size * 0.8); context.lineTo(x + size * 0.8, y - size * 0.8);
      context.stroke();
      return;
    }
    context.closePath();
    context.fill();
  }

  /* The mark nearest to the mouse, within 12 pixels. */
  Chart.prototype.hover = function (chart, panel) {
    var self = this, best = null, nearest = 144;
    var left = chart.cursor.left, top = chart.cursor.top;
    panel.marks.forEach(function (marks) {
      if (!marks.shown || left < 0) return;
      marks.at.forEach(function (at, place) {
        var x = chart.valToPos(self.times[at], "x") - left;
        if (x * x > nearest) return;
        var y = chart.valToPos(marks.y[place], "y") - top, distance = x * x + y * y;
        if (distance < nearest) { nearest = distance; best = { marks: marks, place: place }; }
      });
    });
    this.hint.hidden = !best;
    if (best) this.hint.textContent = this.told(best.marks, best.place, panel.unit);
  };

  Chart.prototype.told = function (marks, place, unit) {
    var time = this.moment(marks.at[place]);
    return time + " · " + marks.words[marks.word[place]] + (!marks.size ? " " : " " + four(Math.abs(marks.size[place])) + " at ") + text(marks.y[place], unit) +
      (marks.gain && marks.gain[place] !== null ? " · gain of the trade " + text(marks.gain[place], "money") : "");
  };

  /* The time of a point in words; `period` stands before it where a point is of more than a session. */
  Chart.prototype.moment = function (at) {
    return (this.spec.period ? this.spec.period + " " : "") + day(this.times[at], this.spec.unit);
  };

  Chart.prototype.read = function (index) {
    var at = index === null || index === undefined ? this.times.length - 1 : index, several = this.spec.panels.length > 1;
    this.at = at;
    this.when.textContent = this.moment(at);
    this.outputs.forEach(function (output) { output.node.textContent = (output.short ? output.short + " " : "") + text(output.line.values[at], output.unit); });
    this.several = several;
  };

  Chart.prototype.say = function () {
    var parts = [], at = this.at;
    this.outputs.forEach(function (output) { if (output.line.shown) parts.push(output.title + ", " + output.line.label + " " + text(output.line.values[at], output.unit)); });
    live.textContent = this.moment(at) + ": " + parts.join("; ");
  };

  Chart.prototype.key = function (event) {
    var chart = this.charts[0], scale = chart.scales.x, at = this.at === null ? this.times.length - 1 : this.at;
    var step = event.shiftKey ? Math.max(1, Math.round(this.times.length / 50)) : 1, width = scale.max - scale.min;
    if (event.key === "ArrowLeft") at -= step;
    else if (event.key === "ArrowRight") at += step;
    else if (event.key === "Home") at = 0;
    else if (event.key === "End") at = this.times.length - 1;
    else if (event.key === "+" || event.key === "=") { zoom(this.times[at] - width / 4, this.times[at] + width / 4); }
    else if (event.key === "-") { zoom(scale.min - width / 2, scale.max + width / 2); }
    else if (event.key === "0" || event.key === "Escape") { zoom(this.times[0], this.times[this.times.length - 1]); }
    else return;
    event.preventDefault();
    at = Math.min(this.times.length - 1, Math.max(0, at));
    var time = this.times[at];
    if (time < scale.min || time > scale.max) zoom(time - width / 2, time + width / 2);
    chart.setCursor({ left: chart.valToPos(time, "x"), top: 10 });
    this.read(at);
    this.say();
  };

  Chart.prototype.range = function (low, high) {
    var first = this.times[0], last = this.times[this.times.length - 1];
    low = Math.max(low, first);
    high = Math.min(high, last);
    if (!(low < high)) return;
    this.charts.forEach(function (chart) { chart.setScale("x", { min: low, max: high }); });
  };

  Chart.prototype.redraw = function () {
    this.charts.forEach(function (chart) { chart.redraw(true, true); });
  };

  Chart.prototype.save = function () {
    var self = this, heads = ["time"], columns = [];
    this.each(function (line, panel) { heads.push(panel.title + ": " + line.label); columns.push(line.values); });
    var rows = [heads.map(quoted).join(",")];
    this.times.forEach(function (time, at) {
      rows.push([day(time, self.spec.unit)].concat(columns.map(function (values) { return values[at] === null ? "" : values[at]; })).join(","));
    });
    var link = element("a");
    link.href = URL.createObjectURL(new Blob([rows.join("\n") + "\n"], { type: "text/csv" }));
    link.download = (document.title + " " + this.spec.panels[0].title).replace(/[^\w]+/g, "-") + ".csv";
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  };

  /* A text that a spreadsheet would read as a formula is marked as text. */
  function quoted(head) {
    return '"' + head.replace(/^([=+\-@])/, "'$1").replace(/"/g, '""') + '"';
  }

  var zooming = false, frame = null;
  function zoom(low, high) {
    zooming = true;
    frame = [low, high];
    drawn.forEach(function (chart) { chart.range(low, high); });
    zooming = false;
  }

  function draw(figure) {
    if (figure.chart) return;
    try {
      zooming = true;
      figure.classList.add("drawn");
      figure.chart = new Chart(figure);
      figure.chart.read(null);
      drawn.push(figure.chart);
      if (frame) figure.chart.range(frame[0], frame[1]);
    } catch (problem) {
      figure.classList.remove("drawn");
      figure.classList.add("failed");
      console.error(problem);
    }
    zooming = false;
  }

  /* What is not on the screen is drawn when it comes near it, and what is folded when it is opened. */
  var near = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) { if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); } });
  }, { rootMargin: "300px" });
  document.querySelectorAll("figure.chart").forEach(function (figure) { near.observe(figure); });

  function recolour() { drawn.forEach(function (chart) { chart.redraw(); }); }
  document.addEventListener("themechange", recolour);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  document.addEventListener("change", function (event) {
    if (!event.target.matches("select.which")) return;
    event.target.parentNode.parentNode.querySelectorAll(".one").forEach(function (part) { part.hidden = part.dataset.which !== event.target.value; });
  });
  window.timeCharts = { draw: draw, zoom: zoom, drawn: drawn, four: four, still: still };
})();
