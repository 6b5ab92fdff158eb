import { plugin } from 'bun'

/** Milliseconds. The time limit of a test only turns a hang into a failure, so a busy machine must never reach it. Bun's is 5 s. */
const hangMs = 900_000

// `setDefaultTimeout` applies only to the file that calls it, so a call is added to each test file. The call is put
// into the first line, so that no line changes its number. `bunfig.toml` has no such setting, and `--timeout` is only
// an argument.
plugin({
  name: 'time limit of a test',
  setup(build) {
    build.onLoad({ filter: /\.test\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: `import { setDefaultTimeout as limitTests } from 'bun:test'; limitTests(${hangMs}); ${await Bun.file(path).text()}`,
    }))
  },
})
