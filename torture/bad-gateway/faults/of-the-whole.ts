import type { Fault } from '../fault.ts'

/** What a gateway does wrong with connections, failures, keys and memory. */
export const wholeFaults: readonly Fault[] = [
  {
    name: 'it does not notice that its client has left',
    turns: [
      'abort/before-head',
      'abort/before-first-event',
      'abort/mid-stream',
      'abort/not-streamed',
      'abort/others-go-on',
    ],
    switches: { ignoresAbort: true },
  },
  {
    name: 'it ends a cut answer as a whole one',
    turns: [
      'cut/closed',
      'cut/reset',
      'cut/no-mark-of-the-end',
      'cut/not-streamed',
      'cut/before-head',
      'cut/in-arguments',
    ],
    switches: { endsCuts: true },
  },
  {
    name: 'it hides errors of the upstream',
    turns: ['error/first-event', 'error/mid-stream', 'error/inside-200', 'error/500'],
    switches: { hidesErrors: true },
  },
  {
    name: 'it makes every refusal its own failure',
    turns: ['error/400', 'error/context-length', 'error/429'],
    switches: { failsWith: 500 },
  },
  { name: 'it drops Retry-After', turns: ['error/429'], switches: { dropsRetryAfter: true } },
  {
    name: 'it says errors in plain text',
    turns: ['error/400', 'error/500', 'error/page', 'door/no-key'],
    switches: { saysPlainErrors: true },
  },
  {
    name: 'it reads on while its client does not',
    turns: ['slow/back-pressure'],
    switches: { readsAhead: true },
    isMeasured: true,
  },
  {
    name: 'it waits for a client that does not read',
    turns: ['slow/others'],
    switches: { blocksAll: true },
    isMeasured: true,
  },
  { name: 'it takes no long events', turns: ['long/event'], switches: { maxEvent: 1 << 20 } },
  {
    name: 'it drops connections without a word',
    turns: ['keepalive/after-stream', 'keepalive/after-error'],
    switches: { dropsConnections: true },
  },
  {
    name: "it uses the upstream's closed connections",
    turns: ['keepalive/upstream-closes'],
    switches: { usesClosedConnections: true },
  },
  { name: 'it ends silent connections', turns: ['keepalive/silence'], switches: { silenceMs: 700 } },
  {
    name: 'it fails at wrong bodies',
    turns: ['body/no-json', 'body/wrong-types', 'body/deep'],
    switches: { trustsBodies: true },
  },
  { name: 'it takes only small bodies', turns: ['body/large'], switches: { maxBody: 1 << 20 } },
  { name: 'it waits for any length', turns: ['body/endless'], switches: { takesAnyLength: true } },
  { name: 'it needs a length', turns: ['body/chunked'], switches: { needsLength: true } },
  {
    name: 'it lets everybody in',
    turns: ['door/no-key', 'door/wrong-key', 'door/half-key'],
    switches: { isOpen: true },
  },
  { name: 'it compares the beginning of a key', turns: ['door/half-key'], switches: { comparesBeginnings: true } },
  { name: 'it repeats any origin', turns: ['door/foreign-page'], switches: { reflectsOrigin: true } },
  { name: 'it asks preflights for a key', turns: ['door/preflight'], switches: { refusesPreflights: true } },
  { name: 'it mixes answers', turns: ['mix/streamed', 'mix/not-streamed', 'mix/calls'], switches: { mixes: true } },
  {
    name: "it sends the client's key to the upstream",
    turns: ['isolation/client-key'],
    switches: { forwardsKey: true },
  },
  {
    name: 'it sends all that the client sent to the upstream',
    turns: ['isolation/client-headers', 'isolation/api-key-in-body'],
    switches: { forwardsFields: true },
  },
  { name: "it quotes the upstream's errors", turns: ['isolation/upstream-key'], switches: { quotesErrors: true } },
  {
    name: "it returns the upstream's headers",
    turns: ['isolation/upstream-headers'],
    switches: { returnsFields: true },
  },
  { name: 'it answers from memory', turns: ['isolation/own-answer'], switches: { caches: true } },
  { name: 'it asks the upstream twice', turns: ['isolation/asked-once'], switches: { asksTwice: true } },
  {
    name: 'it waits before each answer',
    turns: ['latency/first-event', 'latency/not-streamed'],
    switches: { delayMs: 150 },
  },
  {
    name: 'it does not come back after a failure',
    turns: ['recovery/after-failures', 'recovery/after-restart'],
    switches: { staysDown: true },
  },
  {
    name: 'it keeps a connection for each request',
    turns: ['leak/connections', 'leak/descriptors'],
    switches: { leaksConnections: true },
    isMeasured: true,
  },
  {
    name: 'it keeps memory for each request',
    turns: ['leak/memory', 'leak/growth'],
    switches: { leaksBytes: 1 << 18 },
    isMeasured: true,
  },
  { name: 'it keeps bodies', turns: ['leak/recovered'], switches: { leaksBodies: true }, isMeasured: true },
]
