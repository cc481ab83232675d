// Wrote model.json, model.weights.bin and answers.json here, by TensorFlow.js 4.22: node written.js
const tf = require('@tensorflow/tfjs');
const fs = require('fs');
const inner = tf.sequential({name: 'backbone', layers: [
  tf.layers.depthwiseConv2d({inputShape: [8, 8, 4], kernelSize: 3, name: 'dw'}),
  tf.layers.batchNormalization({name: 'bn'})]});
const input = tf.input({shape: [8, 8, 1]});
let x = tf.layers.conv2d({filters: 4, kernelSize: 3, padding: 'same', activation: 'relu', name: 'first'}).apply(input);
x = inner.apply(x);
x = tf.layers.add().apply([x, tf.layers.conv2d({filters: 4, kernelSize: 1, name: 'side'}).apply(x)]);
x = tf.layers.flatten().apply(tf.layers.maxPooling2d({poolSize: 2}).apply(x));
x = tf.layers.dense({units: 3, activation: 'softmax', name: 'last'}).apply(x);
const model = tf.model({inputs: input, outputs: x});
const images = tf.randomNormal([5, 8, 8, 1]);
fs.writeFileSync('answers.json', JSON.stringify(
  {images: images.arraySync(), probabilities: model.predict(images).arraySync()}));
model.save(tf.io.withSaveHandler(async (made) => {
  fs.writeFileSync('model.weights.bin', Buffer.from(made.weightData));
  fs.writeFileSync('model.json', JSON.stringify({modelTopology: made.modelTopology, format: made.format,
    generatedBy: made.generatedBy, convertedBy: null,
    weightsManifest: [{paths: ['./model.weights.bin'], weights: made.weightSpecs}]}, null, 1));
  return {modelArtifactsInfo: {}};
}));
