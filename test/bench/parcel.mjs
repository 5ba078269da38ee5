// A structured value of some 1 KiB through a Parcel, written and read again, beside JSON.stringify and JSON.parse of the
// same value. One line of JSON.
//
//     node parcel.mjs [--tree=DIR] [--rounds=40] [--calls=2000]
//
// Both take turns, round by round, in one process; what is told are medians of the rounds.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { quantile } from './report.mjs';

const { values } = parseArgs({
  options: {
    tree: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
    rounds: { type: 'string', default: '40' },
    calls: { type: 'string', default: '2000' },
  },
});
const [rounds, calls] = [values.rounds, values.calls].map(Number);
const WARMUP = 5;

const module = pathToFileURL(`${values.tree}/dist/binder/parcel/index.js`).href;
const { compileType, defineParcelable, Parcel } = await import(module);

const Place = defineParcelable('bench.Place', {
  format: 1,
  fields: [
    ['x', 'double'],
    ['y', 'double'],
    ['label', 'String'],
  ],
});
const Letter = defineParcelable('bench.Letter', {
  format: 1,
  fields: [
    ['id', 'int'],
    ['isRead', 'boolean'],
    ['from', 'String'],
    ['subject', 'String'],
    ['reply', { nullable: 'String' }],
    ['scores', { array: 'int' }],
    ['tags', { array: 'String' }],
    ['places', { array: () => Place }],
  ],
});

const letter = {
  id: 4711,
  isRead: true,
  from: 'somebody@example.org',
  subject: 'What a message between two programs may look like, with a subject of some length',
  reply: null,
  scores: Array.from({ length: 32 }, (_, i) => i * 97),
  tags: ['inbox', 'important', 'to be answered', 'family', 'with attachment'],
  places: Array.from({ length: 10 }, (_, i) => ({ x: i / 7, y: -(i + 1) / 3, label: `place ${i}` })),
};
const type = compileType(() => Letter);

function byParcel() {
  const written = new Parcel();
  type.write(written, letter);
  return type.read(new Parcel(undefined, undefined, written.bytes));
}
const byJson = () => JSON.parse(JSON.stringify(letter));

for (const way of [byParcel, byJson]) {
  const answer = way();
  // Numbers come out of a parcel as a typed array.
  if (!isDeepStrictEqual({ ...answer, scores: [...answer.scores] }, letter))
    throw new Error(`${way.name} gives back another value`);
}

/** Nanoseconds for one turn of `way`. */
function time(way) {
  const start = performance.now();
  let ids = 0;
  for (let i = 0; i < calls; i++) ids += way().id;
  const took = performance.now() - start;
  if (ids !== calls * letter.id) throw new Error(`${way.name} gives back another value`);
  return (took * 1e6) / calls;
}

const times = { parcel: [], json: [] };
for (let round = -WARMUP; round < rounds; round++) {
  const [parcel, json] = [time(byParcel), time(byJson)];
  if (round < 0) continue;
  times.parcel.push(parcel);
  times.json.push(json);
}
const written = new Parcel();
type.write(written, letter);
console.log(
  JSON.stringify({
    bench: 'parcel',
    parcel_bytes: written.bytes.length,
    json_bytes: JSON.stringify(letter).length,
    parcel_ns: quantile(times.parcel, 0.5),
    json_ns: quantile(times.json, 0.5),
    ratio: quantile(
      times.parcel.map((ns, i) => ns / times.json[i]),
      0.5,
    ),
  }),
);
