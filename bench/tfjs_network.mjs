// A network of tfjs operators, built from the description that bench/networks/src/tfjs.rs writes. It runs as tfjs' own graphs do: one operator after another,
// each map disposed of after its last reader.

/** The function of each operator: tfjs, the layer with its tensors, and its input maps, `[N, H, W, C]`. */
const OPERATORS = {
  conv: (tf, { weight, bias, stride, padding, dilation, relu }, [x]) =>
    tf.fused.conv2d({
      x,
      filter: weight,
      strides: stride,
      pad: padding,
      dilations: dilation,
      dimRoundingMode: 'floor',
      bias,
      activation: relu ? 'relu' : 'linear',
    }),
  relu: (tf, _, [x]) => tf.relu(x),
  add: (tf, _, [a, b]) => tf.add(a, b),
  maxpool: (tf, layer, [x]) => tf.maxPool(x, layer.kernel, layer.stride, ...padding(layer)),
  avgpool: (tf, layer, [x]) => tf.avgPool(withZeros(tf, layer, x), layer.kernel, layer.stride, ...padding(layer)),
  mean: (tf, _, [x]) => tf.mean(x, [1, 2]),
  linear: (tf, { weight, bias }, [x]) => tf.fused.matMul({ a: x, b: weight, bias }),
};

/** The map with zeros appended after its last row and column, which count in a mean. */
function withZeros(tf, { zeros }, x) {
  return zeros ? tf.pad(x, [[0, 0], [0, zeros], [0, zeros], [0, 0]]) : x;
}

/** tfjs rounds the output size down. `same` adds padding at the end up to a whole window, and that padding does not count in a mean. */
function padding({ kernel, stride, padding, ceil }) {
  if (!ceil) return [padding, 'floor'];
  if (padding !== 0 || kernel !== stride) throw new Error(`tfjs has no pooling of ${kernel} by ${stride} that rounds up`);
  return ['same'];
}

/** A function from an input tensor to the logits. `weights` holds all tensors, concatenated. */
export function build(tf, { input, layers }, weights) {
  const tensor = ({ shape, at }) => tf.tensor(weights.slice(at, at + shape.reduce((product, size) => product * size, 1)), shape);
  const prepared = layers.map((layer) => {
    const { weight, bias } = layer;
    return { ...layer, weight: weight && tensor(weight), bias: bias && tensor(bias) };
  });
  const lastRead = new Map();
  prepared.forEach(({ inputs }, at) => inputs.forEach((id) => lastRead.set(id, at)));
  return (x) =>
    tf.tidy(() => {
      const values = new Map([[input, x]]);
      prepared.forEach((layer, at) => {
        values.set(layer.id, OPERATORS[layer.op](tf, layer, layer.inputs.map((id) => values.get(id))));
        // The input belongs to the caller and is not disposed of.
        layer.inputs.filter((id) => id !== input && lastRead.get(id) === at).forEach((id) => values.get(id).dispose());
      });
      return values.get(prepared.at(-1).id);
    });
}

/** Transposes `[N, C, H, W]` values to `[N, H, W, C]`, the given shape. */
export function channelsLast(values, [batch, height, width, channels]) {
  const positions = height * width;
  return Float32Array.from({ length: batch * positions * channels }, (_, at) => {
    const channel = at % channels;
    const position = Math.floor(at / channels) % positions;
    const picture = Math.floor(at / (channels * positions));
    return values[(picture * channels + channel) * positions + position];
  });
}
