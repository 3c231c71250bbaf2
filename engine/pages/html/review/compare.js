/* The ticked runs: curves on a common base, correlations, the equal-risk blend, settings that differ, pages side by side. */
(function () {
  "use strict";
  var review = window.review, element = review.element, statistics = review.statistics;
  var host = document.getElementById("compared"), figures = [];
  var NOT_SET = "not set", COLOURS = 8, MOST = 40, WEEK = 7, FRIDAY = 4, MONDAY = 4, WIDTH = 52;

  var VOLATILITY = 0.1, equal = false;

  function name(run) { return review.rows[run][review.column("name")]; }

  /* A label for each run: its name, with its id where two have the same. */
  function labels(runs) {
    return runs.map(function (run) {
      var same = runs.filter(function (other) { return name(other) === name(run); }).length > 1;
      return same ? name(run) + " " + review.ids[run] : name(run);
    });
  }

  function line(label, values, colour) {
    return { label: label, data: values, colour: colour, hidden: false, fill: false, bars: false };
  }

  /* What the overlay draws: wealth as traded, or that of returns at equal volatility, which leaves out runs that do not vary. */
  function drawn(common) {
    return equal ? common.returns.map(function (values) { return statistics.scaled(values, VOLATILITY) || common.wealth[0].map(function () { return null; }); }) : common.wealth;
  }

  function how() { return equal ? "at equal volatility, " + 100 * VOLATILITY + " % a year" : "as traded"; }

  function switching() {
    var box = element("fieldset", "scaling");
    box.append(element("legend", "", "Returns"));
    [["as traded", false], ["equal volatility (" + 100 * VOLATILITY + " % a year)", true]].forEach(function (choice) {
      var label = element("label"), input = element("input");
      input.type = "radio";
      input.name = "scaling";
      input.checked = equal === choice[1];
      input.addEventListener("change", function () { equal = choice[1]; show(); document.querySelector(".scaling input:checked").focus(); });
      label.append(input, " " + choice[0]);
      box.append(label);
    });
    if (equal) box.append(element("span", "note", "Each curve is multiplied by a number known only afterwards, without costs of the larger positions: it compares shapes, and could not have been traded."));
    return box;
  }

  function overlay(names, common) {
    var wealth = drawn(common);
    var days = common.wealth[0].map(function (_, week) { return (common.first + week) * WEEK + MONDAY + FRIDAY; });
    function lines(of) { return names.map(function (label, run) { return line(label, of(run), "run" + run % COLOURS); }); }
    var spec = {
      unit: 86400, times: days, period: "week to",
      panels: [
        { title: "Wealth, " + how() + "; 1 at the start of the common weeks", unit: "ratio", log: true, zero: false, height: 300, lines: lines(function (run) { return wealth[run]; }) },
        { title: "Drawdown, " + how(), short: "drawdown", unit: "fraction", log: false, zero: true, height: 130, lines: lines(function (run) { return statistics.drawdown(wealth[run]); }) },
        { title: "Rolling Sharpe ratio, " + WIDTH + " weeks", short: "Sharpe", unit: "ratio", log: false, zero: true, height: 130, lines: lines(function (run) { return [null].concat(statistics.rolling(common.returns[run], WIDTH)); }) }
      ]
    };
    var figure = element("figure", "chart"), script = element("script");
    script.type = "application/json";
    script.textContent = JSON.stringify(spec);
    figure.dataset.sentence = "Wealth, drawdown and rolling Sharpe ratio of " + names.length + " runs over " + common.weeks + " common weeks, " + how() + ": " + names.map(function (label, run) {
      var last = wealth[run][common.weeks];
      return label + (last === null ? " has no value at the end" : " ends at " + review.text(last, "ratio"));
    }).join(", ") + ".";
    figure.append(script, element("div", "live"));
    return figure;
  }

  function table(name, heads, rows, caption) {
    var made = element("table", name), head = element("tr"), body = element("tbody");
    made.append(element("caption", "", caption));
    heads.forEach(function (words) { var cell = element("th", "", words); cell.scope = "col"; head.append(cell); });
    made.append(element("thead"), body);
    made.tHead.append(head);
    rows.forEach(function (cells) {
      var row = element("tr");
      cells.forEach(function (content, at) {
        var cell = element(at ? "td" : "th", content && content.changed ? "changed" : "", content && content.changed ? content.words : content);
        if (!at) cell.scope = "row";
        row.append(cell);
      });
      body.append(row);
    });
    var wide = element("div", "wide");
    wide.append(made);
    return wide;
  }

  function correlations(names, common) {
    var matrix = statistics.correlation(common.returns);
    return table("matrix narrow", [""].concat(names), matrix.map(function (row, run) {
      return [names[run]].concat(row.map(function (value) { return value === null ? "n/a" : value.toFixed(3); }));
    }), "Correlation of weekly returns, " + common.weeks + " weeks");
  }

  function blended(names, common) {
    var blend = statistics.blend(common.returns);
    if (!blend) return element("p", "empty", "No blend: the returns of a ticked run do not vary, so that its risk is 0.");
    var rows = names.map(function (label, run) {
      var without = blend.without[run];
      return [label, review.text(blend.weights[run], "fraction"), review.text(blend.shares[run], "fraction"), without === null ? "n/a" : review.text(without, "ratio"), without === null ? "n/a" : review.text(blend.sharpe - without, "ratio")];
    });
    var box = element("div"), words = "Equal-risk blend: total return " + review.text(blend.total, "fraction") + ", volatility " + review.text(blend.volatility, "fraction") + ", Sharpe ratio " + review.text(blend.sharpe, "ratio") + ", maximum drawdown " + review.text(blend.drawdown, "fraction") + ". The weights come from the same weeks as the result, so it could not have been traded; costs of restoring the weights each week are left out.";
    box.append(element("p", "blend", words), table("narrow", ["Run", "Weight", "Share of the risk", "Sharpe ratio of the blend without it", "Sharpe ratio that it adds"], rows, "Weekly returns, " + common.weeks + " weeks"));
    return box;
  }

  function differences(runs, names) {
    var base = runs.indexOf(review.pin());
    if (base < 0) base = 0;
    var all = runs.map(review.settings), paths = {};
    all.forEach(function (settings) { Object.keys(settings).forEach(function (path) { paths[path] = true; }); });
    var rows = Object.keys(paths).sort().filter(function (path) {
      return all.some(function (settings) { return settings[path] !== all[0][path]; });
    }).map(function (path) {
      return [path].concat(all.map(function (settings, run) {
        var words = path in settings ? settings[path] : NOT_SET;
        return run !== base && settings[path] !== all[base][path] ? { changed: true, words: words } : words;
      }));
    });
    if (!rows.length) return element("p", "empty", "The settings of these runs do not differ.");
    return table("settings", ["Setting"].concat(names.map(function (label, run) { return run === base ? label + " (" + (runs[base] === review.pin() ? "pinned" : "compared with") + ")" : label; })), rows, "Settings that differ; coloured where they differ from " + names[base] + ". The round button of a run in the table pins it: then it is the one compared with.");
  }

  function side(runs, names) {
    var made = element("details"), box = element("div", "side");
    made.append(element("summary", "", "Their pages side by side"), box);
    made.addEventListener("toggle", function () {
      if (!made.open || box.childNodes.length) return;
      runs.slice(0, 2).forEach(function (run, at) {
        var part = element("div");
        part.append(element("h3", "", names[at]));
        if (review.links[run].length) { var frame = element("iframe"); frame.src = review.links[run][0]; frame.title = names[at]; part.append(frame); }
        else part.append(element("p", "empty", "This run has no page."));
        box.append(part);
      });
    });
    return made;
  }

  function heading(words) { return element("h3", "more", words); }

  function legend(runs, names) {
    var list = element("ul", "runs-list");
    runs.forEach(function (run, at) {
      var item = element("li");
      item.append(element("i", "swatch run" + at % COLOURS), names[at] + (run === review.pin() ? " (pinned)" : "") + ": " + review.rows[run][review.column("verdict")]);
      list.append(item);
    });
    return list;
  }

  function clear() {
    figures.forEach(function (figure) {
      if (!figure.chart) return;
      figure.chart.charts.forEach(function (chart) { chart.destroy(); });
      window.timeCharts.drawn.splice(window.timeCharts.drawn.indexOf(figure.chart), 1);
    });
    figures = [];
    host.textContent = "";
  }

  function show() {
    var runs = review.ticked();
    clear();
    if (runs.length < 2) {
      host.append(element("p", "empty", runs.length ? "One run is ticked; tick another one to compare them." : "Tick two or more runs in the table."));
      return;
    }
    if (runs.length > MOST) {
      host.append(element("p", "empty", runs.length + " runs are ticked; the first " + MOST + " are compared."));
      runs = runs.slice(0, MOST);
    }
    var names = labels(runs), common = statistics.common(review, runs), button = element("button", "", "Untick all");
    button.type = "button";
    button.addEventListener("click", review.untick);
    host.append(element("p", "note", "In the order of the table."), legend(runs, names), button);
    if (common.wealth) {
      host.append(switching());
      var figure = overlay(names, common);
      figures.push(figure);
      host.append(figure);
      window.timeCharts.draw(figure);
      host.append(heading("Correlation"), correlations(names, common), heading("Equal-risk blend"), blended(names, common));
    } else {
      host.append(element("p", "empty", "These runs have " + common.weeks + " weeks in common; 8 or more are needed to compare their returns."));
    }
    host.append(heading("Settings"), differences(runs, names), side(runs, names));
  }

  var jump = document.getElementById("jump");
  function count() {
    var runs = review.ticked().length;
    jump.hidden = runs < 2;
    jump.textContent = "Compare " + runs + " runs \u2193";
  }

  review.onTick(function () { count(); show(); });
  count();
  show();
})();
