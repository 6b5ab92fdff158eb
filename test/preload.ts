import { plugin } from 'bun'

/** Milliseconds. The time limit of a test only turns a hang into a failure, so a busy machine must never reach it. Bun's is 5 s. */
const hangMs = 900_000

// `setDefaultTimeout` holds for the file that calls it alone, so each is made to: on its first line, so that every line keeps its
// number. (`bunfig.toml` has no such setting, and `--timeout` would have to be said by hand.)
plugin({
  name: 'time limit of a test',
  setup(build) {
    build.onLoad({ filter: /\.test\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: `import { setDefaultTimeout as limitTests } from 'bun:test'; limitTests(${hangMs}); ${await Bun.file(path).text()}`,
    }))
  },
})
