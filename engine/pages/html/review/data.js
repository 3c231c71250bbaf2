/* The runs of a review as engine/review/page.py writes them: values by column, weekly curves, settings. */
(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("review-data").textContent);

  function bytes(text) {
    var raw = atob(text), out = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out;
  }

  var steps = bytes(data.curves.steps), words = new DataView(steps.buffer), starts = [], total = 0;
  data.curves.weeks.forEach(function (weeks) { starts.push(total); total += weeks; });

  /* Wealth at the end of each week of a run: {first, wealth}. */
  function curve(run) {
    var weeks = data.curves.weeks[run], low = data.curves.low[run], high = data.curves.high[run], wealth = new Float64Array(weeks);
    for (var week = 0; week < weeks; week++) {
      wealth[week] = Math.exp(low + (high - low) * words.getUint16(2 * (starts[run] + week), true) / 65535);
    }
    return { first: data.curves.first[run], wealth: wealth };
  }

  /* All settings of a run by dotted path. */
  function settings(run) {
    var all = Object.assign({}, data.settings.common);
    data.settings.own[run].forEach(function (place) {
      var setting = data.settings.texts[place];
      if (setting[1] === null) delete all[setting[0]]; else all[setting[0]] = setting[1];
    });
    return all;
  }

  window.review = {
    columns: data.columns, rows: data.rows, ids: data.ids,
    pages: data.pages, links: data.links, pinned: data.pinned, doubts: data.doubts, revisions: data.revisions,
    served: data.served, curve: curve, settings: settings,
    column: function (key) { return data.columns.findIndex(function (column) { return column.key === key; }); }
  };
})();
