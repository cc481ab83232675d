// Wrote layers.json here, by TensorFlow.js 4.22: node layers.js. One network for each layer and activation, each with
// its weights and answers, but for what only training needs.
const tf = require('@tensorflow/tfjs');
const fs = require('fs');
const L = tf.layers;
const LINES = [12, 6], FRAMES = [4, 3, 3, 2];
const lines = x => L.reshape({targetShape: LINES}).apply(x);
const frames = x => L.reshape({targetShape: FRAMES}).apply(x);
const beside = x => [x, L.conv2d({filters: 2, kernelSize: 3, padding: 'same'}).apply(x)];
const cases = {};
const add = (name, f) => { cases[name] = f; };
for (const [rank, shaped] of [[1, lines], [2, x => x], [3, frames]]) {
  for (const padding of ['same', 'valid']) {
    for (const kind of ['max', 'average']) {
      add(`${kind}Pooling${rank} ${padding}`,
        x => L[`${kind}Pooling${rank}d`]({poolSize: 2, strides: rank === 3 ? 2 : 3, padding}).apply(shaped(x)));
    }
    add(`conv${rank} ${padding}`, x => L[`conv${rank}d`](
      {filters: 3, kernelSize: 2, strides: 2, padding, activation: 'hardSigmoid'}).apply(shaped(x)));
    if (rank > 1) {
      add(`conv${rank}Transpose ${padding}`,
        x => L[`conv${rank}dTranspose`]({filters: 3, kernelSize: rank === 2 ? [3, 2] : 2, strides: 2, padding}).apply(shaped(x)));
    }
  }
  if (rank < 3) {
    add(`globalMaxPooling${rank}`, x => L[`globalMaxPooling${rank}d`]({}).apply(shaped(x)));
    add(`globalAveragePooling${rank}`, x => L[`globalAveragePooling${rank}d`]({}).apply(shaped(x)));
  }
}
add('conv2 dilated', x => L.conv2d({filters: 3, kernelSize: 2, dilationRate: 2, useBias: false}).apply(x));
for (const padding of ['same', 'valid']) {
  add(`depthwise ${padding}`, x => L.depthwiseConv2d({kernelSize: 3, strides: 2, padding, depthMultiplier: 2}).apply(x));
  add(`separable ${padding}`, x => L.separableConv2d({filters: 3, kernelSize: 3, padding}).apply(x));
}
add('upSampling nearest', x => L.upSampling2d({size: [2, 3]}).apply(x));
add('upSampling bilinear', x => L.upSampling2d({size: [2, 3], interpolation: 'bilinear'}).apply(x));
add('cropping', x => L.cropping2D({cropping: [[1, 2], [0, 1]]}).apply(L.zeroPadding2d({padding: [[0, 1], [2, 1]]}).apply(x)));
add('batchNormalization', x => L.batchNormalization({}).apply(x));
add('batchNormalization of rows', x => L.batchNormalization({axis: 1, epsilon: 0.1, scale: false}).apply(x));
add('layerNormalization', x => L.layerNormalization({}).apply(x));
add('layerNormalization of maps', x => L.layerNormalization({axis: [1, 2, 3], epsilon: 0.1}).apply(x));
add('rescaling', x => L.rescaling({scale: 2, offset: -0.3}).apply(x));
add('leakyReLU', x => L.leakyReLU({}).apply(x));
add('leakyReLU steep', x => L.leakyReLU({alpha: 0.05}).apply(x));
add('elu', x => L.elu({}).apply(x));
add('prelu', x => L.prelu({}).apply(x));
add('prelu shared', x => L.prelu({sharedAxes: [1, 2]}).apply(x));
add('relu', x => L.reLU({}).apply(x));
add('relu below', x => L.reLU({maxValue: 0.8}).apply(x));
add('softmax', x => L.softmax({}).apply(L.flatten({}).apply(x)));
for (const kind of ['add', 'multiply', 'average', 'maximum', 'minimum', 'concatenate']) {
  add(kind, x => L[kind]({}).apply(beside(x)));
}
add('concatenate rows', x => L.concatenate({axis: 1}).apply(beside(x)));
add('dot', x => L.dot({axes: 2}).apply([lines(x), L.conv1d({filters: 6, kernelSize: 3}).apply(lines(x))]));
add('dot normalised',
  x => L.dot({axes: 2, normalize: true}).apply([lines(x), L.conv1d({filters: 6, kernelSize: 3}).apply(lines(x))]));
add('permute', x => L.permute({dims: [3, 1, 2]}).apply(x));
add('repeatVector', x => L.repeatVector({n: 3}).apply(L.flatten({}).apply(x)));
add('noise', x => L.gaussianNoise({stddev: 0.5}).apply(L.gaussianDropout({rate: 0.5}).apply(
  L.alphaDropout({rate: 0.5}).apply(L.dropout({rate: 0.5}).apply(x)))));
add('timeDistributed', x => L.timeDistributed({layer: L.dense({units: 3, activation: 'hardSigmoid'})}).apply(lines(x)));
for (const kind of ['simpleRNN', 'lstm', 'gru']) {
  add(kind, x => L[kind]({units: 3}).apply(lines(x)));
  add(`${kind} throughout`, x => L[kind](
    {units: 3, returnSequences: true, goBackwards: true, activation: 'softsign',
      ...(kind === 'simpleRNN' ? {} : {recurrentActivation: 'sigmoid'})}).apply(lines(x)));
}
for (const a of ['elu', 'gelu', 'gelu_new', 'hardSigmoid', 'linear', 'logSoftmax', 'mish', 'relu', 'relu6', 'selu', 'sigmoid',
  'softmax', 'softplus', 'softsign', 'swish', 'tanh']) {
  add(`activation ${a}`, x => L.activation({activation: a}).apply(L.dense({units: 3, activation: a}).apply(x)));
}
const round = values => Array.from(values, v => Math.fround(Number(v.toPrecision(6))));
let state = 5;
const uniform = () => { state = (state * 48271) % 2147483647; return state / 2147483647; };
const draw = (n, least, range) => Float32Array.from({length: n}, () => Number((least + range * uniform()).toFixed(3)));
(async () => {
  const images = draw(72, -1.5, 4), written = {};
  for (const [name, f] of Object.entries(cases)) {
    {
      const input = tf.input({shape: [6, 6, 2]});
      const model = tf.model({inputs: input, outputs: f(input)});
      model.setWeights(model.weights.map(w => {
        const shape = w.shape, least = w.name.includes('variance') ? 0.4 : -0.9;
        return tf.tensor(draw(shape.reduce((a, b) => a * b, 1), least, 1.8), shape);
      }));
      const answers = model.predict(tf.tensor(images, [1, 6, 6, 2]));
      let made;
      await model.save(tf.io.withSaveHandler(async m => { made = m; return {modelArtifactsInfo: {}}; }));
      const topology = JSON.parse(JSON.stringify(made.modelTopology,
        (key, value) => /_(initializer|regularizer|constraint)$/.test(key) ? undefined : value));
      written[name] = {topology,
        weights: made.weightSpecs.map((s, i) => ({name: s.name, shape: s.shape})),
        values: round(new Float32Array(made.weightData)), shape: answers.shape, answers: round(answers.dataSync())};
    }
  }
  const lines = Object.entries(written).map(([name, made]) => `${JSON.stringify(name)}: ${JSON.stringify(made)}`);
  fs.writeFileSync('layers.json', `{"images": ${JSON.stringify(round(images))},\n"layers": {\n${lines.join(',\n')}\n}}\n`);
})();
