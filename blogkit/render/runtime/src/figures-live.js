// Answers a live figure: the post's own network, run by ONNX Runtime's WebAssembly. Loaded on a reader's first touch of
// one. It reaches a view by the few functions that the event brings, and nothing of it is on `window`.
import * as ort from 'onnxruntime-web/wasm';
import {bytes, chosenFile, deviation, feedOf, rowsFrom} from './plan.js';
import {padOf, signalOf} from './inputs.js';

const here = document.currentScript ? document.currentScript.src : '';
const models = new Map();  // a model's file -> a promise of its session
const handed = new Map();  // what a script has handed over, by name
document.addEventListener('blogkit:bytes', event => handed.set(event.detail.name, event.detail.data));
let engine = null;
if (here) started().catch(() => {});  // it was loaded by a touch

/** The WebAssembly, unpacked once. */
function started() {
  if (!engine) {
    engine = start();
    engine.catch(() => { engine = null; });  // the next answer tries again
  }
  return engine;
}

document.addEventListener('blogkit:view', event => attach(event.target, event.detail));

async function start() {
  const packed = await held('runtime', here ? new URL('figures-live-wasm.js', here).href : '');
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked(packed);
  ort.env.logLevel = 'error';
}

/** What a classic script hands over by name, or what stands in the page itself, where it can load nothing. */
function held(name, address) {
  const inside = [...document.querySelectorAll('script.bk-bytes')].find(script => script.dataset.name === name);
  if (inside) return Promise.resolve(JSON.parse(inside.textContent));
  if (handed.has(name)) return Promise.resolve(handed.get(name));
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = address;
    script.onload = () => { script.remove(); handed.has(name) ? resolve(handed.get(name)) : reject(Error(address)); };
    script.onerror = () => { script.remove(); reject(Error(address)); };
    document.head.append(script);
  });
}

/** The bytes of base64 of gzip. */
async function unpacked(text) {
  const stream = new Blob([bytes(text.trim())]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

function session(file, address) {
  if (!models.has(file)) {
    const made = Promise.all([started(), held(file, address).then(unpacked)]).then(([, data]) => {
      handed.delete(file);
      return ort.InferenceSession.create(new Uint8Array(data), {executionProviders: ['wasm'], logSeverityLevel: 3});
    });
    made.catch(() => models.delete(file));
    models.set(file, made);
  }
  return models.get(file);
}

const answering = new WeakMap();  // a figure -> what takes one more of its views

/** A figure has a view for each of its layouts that was shown so far; they answer together. */
function attach(figure, view) {
  if (!answering.has(figure)) answering.set(figure, answer(figure));
  answering.get(figure)(view);
}

function answer(figure) {
  const {plans} = JSON.parse(figure.querySelector('script.bk-live').textContent);
  const names = [...new Set(plans.flatMap(plan => Object.keys(plan.start)))];
  const begin = Object.assign({}, ...plans.map(plan => plan.start));
  const same = (one, other) => names.every(name => JSON.stringify(one[name]) === JSON.stringify(other[name]));
  const status = figure.querySelector('.bk-live-status');
  const places = new Map([...figure.querySelectorAll('.bk-model')].map(one => [one.dataset.name, one.dataset.address]));
  const address = file => new URL(places.get(file) ?? '', document.baseURI).href;
  const say = words => { if (status && status.textContent !== words) status.textContent = words; };
  const slow = setTimeout(() => say('Loading the model…'), 400);
  const views = [], follow = new Map(names.map(name => [name, []]));
  let state = {...begin}, shown = null, busy = false, again = false;

  async function update() {
    again = true;
    if (busy || !views.length) return;
    busy = true;
    try {
      while (again) {
        again = false;
        if (!shown || !same(shown, state)) await once({...state});
      }
      figure.dataset.answer = 'ready';
      say('');
    } catch (error) {
      figure.dataset.answer = 'failed';
      say('The model does not answer here; the figure shows its example.');
      console.error('blogkit:', error);
    } finally {
      clearTimeout(slow);
      busy = false;
    }
  }

  async function once(now) {
    const asked = new Map();  // one run for all plans that ask the same
    const first = !figure.dataset.deviation && same(now, begin);
    let worst = 0;
    for (const plan of plans) {
      const file = chosenFile(plan, now);
      if (file === undefined) throw Error('no model was recorded for these values');
      const key = file + JSON.stringify(Object.values(plan.inputs).map(({kind, param, features}) => [kind, param, features]));
      if (!asked.has(key)) asked.set(key, run(await session(file, address(file)), feedOf(plan, now)));
      const [feed, outputs] = await asked.get(key);
      const rows = rowsFrom(plan, now, feed, outputs[plan.output]);
      if (first) worst = Math.max(worst, deviation(plan, views[0].given(plan.data), rows));
      else await Promise.all(views.map(view => view.replace(plan.data, rows)));
    }
    if (first) figure.dataset.deviation = String(worst);
    shown = now;
  }

  function set(name, value) {
    if (JSON.stringify(state[name]) === JSON.stringify(value)) return;
    state[name] = value;
    for (const view of views) view.set(name, value);
    for (const action of follow.get(name)) action(value);
    update();
  }

  for (const input of figure.querySelectorAll('.bk-live-input')) {
    const {kind, draws: param} = input.dataset;
    const plan = plans.flatMap(one => Object.values(one.inputs)).find(one => one.param === param);
    (kind === 'pad' ? padOf : signalOf)(input, plan, {
      start: begin[param], get: () => state[param], set: value => set(param, value),
      listen: action => follow.get(param).push(action),
    });
  }
  figure.dataset.answer = 'loading';
  return view => {
    for (const name of names) {
      const drawn = JSON.stringify(state[name]) !== JSON.stringify(begin[name]);  // before the first view was there
      if (views.length || drawn) view.set(name, state[name]);
      else state[name] = view.signal(name);
      view.listen(name, value => set(name, value));
    }
    views.push(view);
    if (views.length > 1) shown = null;  // the layout that came has the rows of the example
    update();
  };
}

async function run(model, feed) {
  const tensors = Object.fromEntries(Object.entries(feed).map(([name, {type, data, shape}]) => [name, new ort.Tensor(type, data, shape)]));
  const outputs = await model.run(tensors);
  return [feed, outputs];
}
