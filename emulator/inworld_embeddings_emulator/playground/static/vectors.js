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
// It goes through the n × n matrix of inner products, since there are fewer texts than dimensions.
export function plane(vectors) {
  const centred = centre(vectors.map(unit));
  let inner = centred.map((a) => centred.map((b) => dot(a, b)));
  const total = trace(inner);
  const floor = 1e-12 * vectors.length;
  const axes = [0, 1].map(() => {
    const axis = longestAxis(inner, floor);
    inner = inner.map((row, i) => row.map((part, j) => part - axis[i] * axis[j]));
    return axis;
  });
  return {
    points: vectors.map((_, i) => ({ x: axes[0][i], y: axes[1][i] })),
    kept: total > floor ? (dot(axes[0], axes[0]) + dot(axes[1], axes[1])) / total : 1,
  };
}

// Squaring a symmetric matrix again and again leaves its largest eigenvector in every column. Its sign is arbitrary; here
// its largest part is positive, so that the same vectors always make the same picture.
function longestAxis(matrix, floor) {
  let power = matrix;
  for (let k = 0; k < 40 && trace(power) > floor; k++) {
    const size = trace(power);
    const rows = power.map((row) => row.map((part) => part / size));
    power = rows.map((a) => rows.map((b) => dot(a, b)));
  }
  const diagonal = power.map((row, i) => row[i]);
  const direction = unit(power[diagonal.indexOf(Math.max(...diagonal))] ?? []);
  const variance = dot(direction, matrix.map((row) => dot(row, direction)));
  if (!(variance > floor)) return matrix.map(() => 0);
  const largest = direction.reduce((best, part) => (Math.abs(part) > Math.abs(best) + 1e-9 ? part : best), 0);
  return direction.map((part) => part * Math.sqrt(variance) * Math.sign(largest));
}

const trace = (matrix) => matrix.reduce((sum, row, i) => sum + row[i], 0);

function unit(vector) {
  const size = length(vector) || 1;
  return vector.map((part) => part / size);
}

function centre(vectors) {
  const middle = (vectors[0] ?? []).map((_, i) => vectors.reduce((sum, v) => sum + v[i], 0) / vectors.length);
  return vectors.map((vector) => vector.map((part, i) => part - middle[i]));
}
