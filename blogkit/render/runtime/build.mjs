// Builds the scripts of a page with figures into a folder (by default ../assets); the licences of what is inside stand at its end.
import {build} from 'esbuild';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {gzipSync} from 'node:zlib';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, '../assets'));

// Maps are drawn statically, and nothing is loaded by address: what serves only those stays out of the runtime.
const left = {name: 'left-out', setup(builder) {
  builder.onResolve({filter: /^(d3-geo|topojson-client|d3-dsv)$/}, args => ({path: args.path, namespace: 'left-out'}));
  builder.onLoad({filter: /.*/, namespace: 'left-out'}, args => ({contents: LEFT_OUT[args.path], loader: 'js'}));
}};
const LEFT_OUT = {
  'd3-geo': 'const none = () => { throw Error("maps are static here"); };'
    + 'export {none as geoArea, none as geoBounds, none as geoCentroid};',
  'topojson-client': 'export const feature = null, mesh = null;',
  'd3-dsv': 'export const dsvFormat = null;',
};

const common = {bundle: true, minify: true, format: 'iife', target: 'es2020', charset: 'utf8', legalComments: 'none'};
for (const name of ['figures', 'figures-held', 'figures-steps', 'figures-table']) {
  await build({...common, entryPoints: [join(here, `src/${name}.js`)], outfile: join(out, `${name}.js`)});
}
const made = await build({
  ...common, entryPoints: [join(here, 'src/figures-runtime.js')], outfile: join(out, 'figures-runtime.js'),
  plugins: [left], metafile: true,
});

// What answers live figures: its code, and beside it the WebAssembly as base64 of gzip, which a classic script can carry.
const ortFolder = join(here, 'node_modules/onnxruntime-web');
await build({
  ...common, entryPoints: [join(here, 'src/figures-live.js')], outfile: join(out, 'figures-live.js'),
  conditions: ['import'], define: {'import.meta.url': '"about:blank"'},
});
const ortVersion = JSON.parse(readFileSync(join(ortFolder, 'package.json'), 'utf8')).version;
const ortNotice = `/*! ONNX Runtime Web ${ortVersion}, with what it is built from (onnxruntime-notices.txt):\n\n${readFileSync(join(here, 'onnxruntime-license.txt'), 'utf8').trim()}\n*/\n`;
const live = join(out, 'figures-live.js');
writeFileSync(live, `${readFileSync(live, 'utf8')}${ortNotice}`);
const wasm = gzipSync(readFileSync(join(ortFolder, 'dist/ort-wasm-simd-threaded.wasm')), {level: 9});
wasm[9] = 255;  // which system packed it is nobody's business, and the same bytes everywhere
writeFileSync(join(out, 'figures-live-wasm.js'),
  `document.dispatchEvent(new CustomEvent("blogkit:bytes",{detail:{"name":"runtime","data":"${wasm.toString('base64')}"}}));\n${ortNotice}`);

const packages = new Map();
for (const [path, input] of Object.entries(Object.values(made.metafile.outputs)[0].inputs)) {
  const match = input.bytesInOutput && path.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
  if (match) packages.set(resolve(match[1]), true);
}
const parts = [...packages.keys()].map(folder => {
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const name = readdirSync(folder).find(file => /^licen[cs]e/i.test(file));
  const text = name ? readFileSync(join(folder, name), 'utf8').trim() : '';
  if (!text) throw Error(`${about.name} has no licence text`);
  return {name: `${about.name} ${about.version}`, text: text.replaceAll('*/', '* /')};
});
const texts = new Map();
for (const {name, text} of parts.sort((a, b) => a.name < b.name ? -1 : 1)) {
  texts.set(text, [...(texts.get(text) ?? []), name]);
}
const notice = [...texts].map(([text, names]) => `${names.join(', ')}:\n\n${text}\n`).join('\n');
const script = join(out, 'figures-runtime.js');
writeFileSync(script, `${readFileSync(script, 'utf8')}/*! This script contains the following packages, under their licences.\n\n${notice}*/\n`);
