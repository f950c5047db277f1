// Cosines, a ranking, and a plane to look at. Pure: numbers in, numbers out.

export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

const length = (vector) => Math.sqrt(dot(vector, vector));

// A vector of zeros is similar to nothing: 0.
export function cosine(a, b) {
  const lengths = length(a) * length(b);
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

export const similarities = (vectors) => vectors.map((a) => vectors.map((b) => cosine(a, b)));

// Most similar first; equal ones keep their order.
export const rank = (query, vectors) =>
  vectors
    .map((vector, index) => ({ index, score: cosine(query, vector) }))
    .sort((one, other) => other.score - one.score);

// Principal components of the directions: a point {x, y} for each vector, and the share of their variance that this keeps.
// It goes through the n × n matrix of inner products, since there are fewer texts than dimensions. A component's sign is
// arbitrary; here its largest part is positive, so that the same vectors always make the same picture.
export function plane(vectors) {
  const centred = centre(vectors.map(unit));
  const { values, columns } = eigen(centred.map((a) => centred.map((b) => dot(a, b))));
  const order = values.map((_, index) => index).sort((one, other) => values[other] - values[one]);
  const total = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  const floor = 1e-12 * Math.max(vectors.length, 1);
  const axes = [0, 1].map((k) => axis(values[order[k]] ?? 0, columns[order[k]], floor, vectors.length));
  return {
    points: vectors.map((_, i) => ({ x: axes[0][i], y: axes[1][i] })),
    kept: total > floor ? (dot(axes[0], axes[0]) + dot(axes[1], axes[1])) / total : 1,
  };
}

function axis(value, column, floor, count) {
  if (!column || value <= floor) return new Array(count).fill(0);
  const largest = column.reduce((best, part) => (Math.abs(part) > Math.abs(best) + 1e-9 ? part : best), 0);
  const scale = Math.sqrt(value) * Math.sign(largest);
  return column.map((part) => part * scale);
}

function unit(vector) {
  const size = length(vector) || 1;
  return vector.map((part) => part / size);
}

function centre(vectors) {
  const middle = (vectors[0] ?? []).map((_, i) => vectors.reduce((sum, v) => sum + v[i], 0) / vectors.length);
  return vectors.map((vector) => vector.map((part, i) => part - middle[i]));
}

// Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations.
export function eigen(matrix) {
  const a = matrix.map((row) => [...row]);
  const n = a.length;
  const columns = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  const all = a.reduce((sum, row) => sum + dot(row, row), 0); // rotations leave it as it is
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p][q] ** 2;
    if (off <= 1e-24 * all) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) if (a[p][q] !== 0) rotate(a, columns, p, q);
  }
  return { values: a.map((row, i) => row[i]), columns };
}

function rotate(a, columns, p, q) {
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
  for (const pair of [a, columns]) {
    for (let k = 0; k < a.length; k++) {
      [pair[p][k], pair[q][k]] = [c * pair[p][k] - s * pair[q][k], s * pair[p][k] + c * pair[q][k]];
    }
  }
}
