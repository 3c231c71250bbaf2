/* Correlations and the equal-risk blend, as engine/review/blend.py defines them. */
(function () {
  "use strict";
  function mean(values) {
    var sum = 0;
    for (var at = 0; at < values.length; at++) sum += values[at];
    return sum / values.length;
  }

  function covariance(one, other) {
    var first = mean(one), second = mean(other), sum = 0;
    for (var at = 0; at < one.length; at++) sum += (one[at] - first) * (other[at] - second);
    return sum / (one.length - 1);
  }

  /* Weekly returns of runs over the weeks that all cover; fewer than 8 are none. */
  function common(review, runs) {
    var curves = runs.map(review.curve);
    var first = Math.max.apply(null, curves.map(function (curve) { return curve.first; }));
    var end = Math.min.apply(null, curves.map(function (curve) { return curve.first + curve.wealth.length; }));
    if (end - first <= 8) return { first: first, weeks: Math.max(end - first - 1, 0), wealth: null };
    var wealth = curves.map(function (curve) {
      var part = Array.from(curve.wealth.slice(first - curve.first, end - curve.first)), base = part[0];
      return part.map(function (value) { return value / base; });
    });
    return { first: first, weeks: end - first - 1, wealth: wealth, returns: wealth.map(returns) };
  }

  function returns(wealth) {
    return wealth.slice(1).map(function (value, at) { return value / wealth[at] - 1; });
  }

  function correlation(columns) {
    var deviations = columns.map(function (values) { return Math.sqrt(covariance(values, values)); });
    return columns.map(function (one, row) {
      return columns.map(function (other, column) {
        var product = deviations[row] * deviations[column];
        return product > 1e-24 ? covariance(one, other) / product : null;
      });
    });
  }

  function drawdown(wealth) {
    var peak = wealth[0];
    return wealth.map(function (value) { if (value === null) return null; peak = Math.max(peak, value); return value / peak - 1; });
  }

  function sharpe(values) {
    return mean(values) / Math.sqrt(covariance(values, values)) * Math.sqrt(52);
  }

  function rolling(values, width) {
    return values.map(function (_, at) {
      if (at + 1 < width) return null;
      var part = values.slice(at + 1 - width, at + 1);
      return covariance(part, part) > 1e-24 ? sharpe(part) : null;
    });
  }

  function mixed(columns, weights) {
    return columns[0].map(function (_, at) {
      return columns.reduce(function (sum, values, run) { return sum + weights[run] * values[at]; }, 0);
    });
  }

  function wealthOf(values) {
    var wealth = [1];
    values.forEach(function (value, at) { wealth.push(wealth[at] * (1 + value)); });
    return wealth;
  }

  /* Wealth of returns multiplied by one number, so that their annual deviation is the one wanted; null from the week of a ruin. */
  function scaled(values, wanted) {
    var deviation = Math.sqrt(covariance(values, values) * 52);
    if (deviation <= 1e-12) return null;
    var ruined = false;
    return wealthOf(values.map(function (value) { return value * wanted / deviation; })).map(function (value) {
      ruined = ruined || value <= 0;
      return ruined ? null : value;
    });
  }

  /* Weights in proportion to 1 / deviation; null where a run has none. */
  function blend(columns) {
    var deviations = columns.map(function (values) { return Math.sqrt(covariance(values, values)); });
    if (deviations.some(function (deviation) { return deviation <= 1e-12; })) return null;
    var sum = deviations.reduce(function (total, deviation) { return total + 1 / deviation; }, 0);
    var weights = deviations.map(function (deviation) { return 1 / deviation / sum; });
    var values = mixed(columns, weights), variance = covariance(values, values), wealth = wealthOf(values);
    return {
      weights: weights, wealth: wealth, sharpe: sharpe(values), volatility: Math.sqrt(variance * 52),
      drawdown: Math.min.apply(null, drawdown(wealth)), total: wealth[wealth.length - 1] - 1,
      shares: columns.map(function (one, run) { return weights[run] * covariance(one, values) / variance; }),
      without: columns.map(function (_, left) {
        var others = columns.filter(function (_, run) { return run !== left; });
        var rest = weights.filter(function (_, run) { return run !== left; });
        var total = rest.reduce(function (sum, weight) { return sum + weight; }, 0);
        return others.length ? sharpe(mixed(others, rest.map(function (weight) { return weight / total; }))) : null;
      })
    };
  }

  window.review.statistics = {
    common: common, correlation: correlation, drawdown: drawdown,
    rolling: rolling, scaled: scaled, blend: blend
  };
})();
