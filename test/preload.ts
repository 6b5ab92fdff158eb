import { setDefaultTimeout } from 'bun:test'

// A test's own time limit only turns a hang into a failure: a busy machine must never reach it. Bun's is 5 s. This holds for
// the first file of a run alone; for all of them `bun run test` says it on the command line.
setDefaultTimeout(900_000)
