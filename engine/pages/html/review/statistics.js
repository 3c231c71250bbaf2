/* Deflated Sharpe ratios, correlations and the equal-risk blend, as engine/review/collection.py and blend.py define them. */
(function () {
  "use strict";
  var EULER = 0.5772156649015329, LEAST = 60;

  /* The normal distribution: a series near 0, a continued fraction in the tails. */
  function cdf(x) {
    var z = Math.abs(x), tail, step;
    if (z > 38) tail = 0;
    else if (z < 3) {
      var term = z, sum = z;
      for (step = 1; step < 100; step++) { term *= z * z / (2 * step + 1); sum += term; }
      tail = 0.5 - sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
    } else {
      var fraction = z;
      for (step = 60; step > 0; step--) fraction = z + step / fraction;
      tail = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) / fraction;
    }
    return x > 0 ? 1 - tail : tail;
  }

  function quantile(p) {
    var low = -40, high = 40;
    for (var step = 0; step < 200 && low < high; step++) {
      var middle = (low + high) / 2;
      if (middle === low || middle === high) break;
      if (cdf(middle) < p) low = middle; else high = middle;
    }
    return (low + high) / 2;
  }

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

  /* By run: the probability that its true Sharpe ratio is above what the best of the runs shown has without skill. */
  function deflated(review, shown) {
    var annual = {}, result = {};
    var tried = shown.filter(function (run) { return review.moments[run] && review.moments[run][0] >= LEAST; });
    tried.forEach(function (run) { annual[review.ids[run]] = review.moments[run][1] * Math.sqrt(review.perYear[run]); });
    var ratios = Object.keys(annual).map(function (id) { return annual[id]; }), trials = ratios.length;
    var spread = trials > 1 ? covariance(ratios, ratios) : 0;
    var best = trials > 1 ? (1 - EULER) * quantile(1 - 1 / trials) + EULER * quantile(1 - 1 / (trials * Math.E)) : 0;
    tried.forEach(function (run) {
      var moments = review.moments[run], sharpe = moments[1];
      var variance = 1 - moments[2] * sharpe + (moments[3] - 1) / 4 * sharpe * sharpe;
      if (variance <= 0) return;
      var limit = Math.sqrt(spread / review.perYear[run]) * best;
      result[run] = cdf((sharpe - limit) * Math.sqrt((moments[0] - 1) / variance));
    });
    return result;
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
    return wealth.map(function (value) { peak = Math.max(peak, value); return value / peak - 1; });
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
    cdf: cdf, quantile: quantile, deflated: deflated, common: common, correlation: correlation, drawdown: drawdown,
    rolling: rolling, blend: blend
  };
})();
