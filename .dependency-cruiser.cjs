// The house as rules (docs/architecture.md): which rooms a room may import. A room absent from a list is above it.

/** room: the rooms below that it may use, besides itself */
const rooms = {
  abi: [],
  page: ['abi'],
  driver: ['abi', 'page'],
  aidl: ['abi'],
  'host/linux': ['abi', 'page', 'driver/(ports|limits|priority)\\.ts'],
  'host/fuse': ['host/linux', 'driver/ports\\.ts'],
  'host/policy': ['driver/ports\\.ts'],
  'host/binderfs': ['host/fuse', 'host/linux', 'host/policy', 'driver', 'page', 'abi'],
  'host/daemon': ['host/binderfs', 'host/fuse', 'host/linux', 'host/policy', 'driver', 'page', 'abi'],
  'host/servicemanager': ['binder', 'host/policy'],
  'host/launcher': ['host/linux', 'host/fuse'],
  'binder/parcel': ['abi'],
  'binder/runtime': ['binder/parcel', 'abi'],
  'binder/connections': ['binder/runtime', 'binder/parcel', 'abi', 'page', 'driver', 'host/linux'],
  'binder/servicemanager': ['binder/runtime', 'binder/parcel', 'abi'],
  'binder/services': ['binder/servicemanager', 'binder/runtime', 'binder/parcel'],
  'binder/node': ['binder/connections', 'binder/services', 'binder/runtime', 'binder/parcel', 'host/linux'],
  'binder/testing': ['binder/connections', 'binder/runtime', 'binder/parcel', 'abi', 'driver'],
  demo: ['abi', 'binder', 'driver'],
  cli: ['abi', 'aidl', 'binder', 'demo', 'driver', 'host'],
};

/** Rooms that run anywhere: no Node.js, no packages. The compiler checks globals (tsconfig.pure.json). */
const pure = [
  'abi',
  'page',
  'aidl',
  'driver',
  'binder/parcel',
  'binder/runtime',
  'binder/servicemanager',
  'binder/services',
  'binder/testing',
];

const layers = Object.entries(rooms).map(([room, below]) => ({
  name: `layers: ${room}`,
  comment: `src/${room} may import only ${below.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${room}/`, pathNot: '\\.test(-support)?\\.ts$' },
  to: { path: '^src/', pathNot: [room, ...below].map((allowed) => `^src/${allowed}`) },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'every room is known',
      comment: 'A new folder under src/ must be given its place in the table of rooms',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: Object.keys(rooms).map((room) => `^src/${room}/`) },
    },
    {
      name: 'pure rooms',
      comment: 'The driver and what it stands on run in a browser: no node: modules, no packages',
      severity: 'error',
      from: { path: pure.map((room) => `^src/${room}/`), pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^src/' },
    },
    {
      name: 'FFI in one place',
      comment: 'Only src/host/linux calls into the C library',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/host/linux/' },
      to: { path: 'koffi' },
    },
    {
      name: 'no cycles at run time',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/driver/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
