import { setDefaultTimeout } from 'bun:test'

// A test's own time limit only turns a hang into a failure: a busy machine must never reach it. Bun's is 5 s.
setDefaultTimeout(180_000)
