import type { Fault } from './fault.ts'

/** All faults of the bad gateway. Each check is turned red by at least one. */
export const faults: readonly Fault[] = [
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
]
