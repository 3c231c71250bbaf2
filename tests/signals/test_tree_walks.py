"""Sums of trees: against one node at a time, and compiled against plain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import compiled_kernels
from signals.tree_walks import tree_sums

LEAF = -1


@st.composite
def forests(draw):
    """Roots, and by node the column (LEAF in a leaf), threshold, children and answer."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    roots, nodes = [], []
    for _ in range(draw(st.integers(1, 4))):
        roots.append(len(nodes))
        waiting = [len(nodes)]
        nodes.append(None)
        while waiting:
            node = waiting.pop()
            inner = len(nodes) < 40 and random.random() < 0.6
            nodes[node] = [random.integers(3) if inner else LEAF, random.normal(), node, node, random.normal()]
            if inner:
                nodes[node][2:4] = len(nodes), len(nodes) + 1
                waiting += [len(nodes), len(nodes) + 1]
                nodes += [None, None]
    return np.array(roots), nodes


def arrays_of(nodes, threshold, value):
    columns = np.array([max(node[0], 0) for node in nodes])
    children = np.array([[node[3], node[2]] for node in nodes]).ravel()
    return columns, np.array([n[1] for n in nodes], threshold), children, np.array([n[4] for n in nodes], value)


@given(forests(), st.booleans(), st.sampled_from([("f8", "f8"), ("f4", "f4"), ("f8", "f4")]))
def test_each_row_takes_its_own_way(forest, below, dtypes):
    roots, nodes = forest
    threshold, single = dtypes
    columns, thresholds, children, value = arrays_of(nodes, threshold, threshold)
    X = np.random.default_rng(1).normal(size=(6, 3)).astype(single)
    X[0] = thresholds[0]  # a value that is equal goes to one side only
    expected = []
    for row in X:
        total = value.dtype.type(0.25)
        for root in roots:
            node = root
            while nodes[node][0] != LEAF:
                left = row[columns[node]] < thresholds[node] if below else row[columns[node]] <= thresholds[node]
                node = nodes[node][2] if left else nodes[node][3]
            total += value[node]
        expected.append(total)
    for function in (tree_sums, compiled_kernels.tree_sums):
        sums = np.full(len(X), 0.25, dtype=value.dtype)
        function(X, roots, columns, thresholds, children, value, below, sums)
        assert sums.tobytes() == np.array(expected).tobytes()


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(rows):
    sums = np.zeros(rows)
    tree_sums(
        np.ones((rows, 1)),
        *(np.zeros(n, dtype=np.int64) for n in (1, 1)),
        np.zeros(1),
        np.zeros(2, int),
        np.ones(1),
        True,
        sums,
    )
    assert sums.tolist() == [1.0] * rows
