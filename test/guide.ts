/** Follows a guide in docs/ to the letter, in a copy of the source. */
import { cp, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

const root = join(import.meta.dir, '..')

/** A code block under the name of a file. */
export interface GuideBlock {
  readonly path: string
  readonly language: string
  readonly text: string
}

interface Outcome {
  readonly code: number
  readonly said: string
}

/** A copy of the source with the changes of a guide. */
export interface FollowedGuide {
  readonly folder: string
  readonly blocks: readonly GuideBlock[]
  /** Every file of the copy before the changes, by its path. */
  readonly before: ReadonlyMap<string, string>
  /** Every file of the copy after the changes, by its path. */
  contents(): Promise<ReadonlyMap<string, string>>
  /** Checks the types of the guide's files, and of the files that they import. */
  checkTypes(): Promise<Outcome>
  /** Runs a command in the copy, to its end. */
  run(...command: string[]): Promise<Outcome>
  close(): Promise<void>
}

/** Folders that are not part of the source. */
const foreign = /(^|\/)(node_modules|dist|coverage|\.git)(\/|$)/

/** Copies the source, and writes the files of the guide. @param path of the guide */
export async function followGuide(path: string): Promise<FollowedGuide> {
  const blocks = blocksOf(await Bun.file(join(root, path)).text())
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tributary-guide-')))
  await cp(root, folder, { recursive: true, filter: (file) => !foreign.test(relative(root, file)) })
  await symlink(await realpath(join(root, 'node_modules')), join(folder, 'node_modules'))
  const before = await contentsOf(folder)
  for (const block of blocks) {
    const file = Bun.file(join(folder, block.path))
    await file.write(block.language === 'diff' ? patched(await file.text(), block.text) : block.text)
  }
  return {
    folder,
    blocks,
    before,
    contents: () => contentsOf(folder),
    checkTypes: () => checkTypes(folder, blocks),
    run: (...command) => run(folder, command),
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

function blocksOf(guide: string): readonly GuideBlock[] {
  return [...guide.matchAll(/^`([\w./-]+)`\n\n```(\w+)\n(.*?)^```$/gms)].map(
    ([, path = '', language = '', text = '']) => ({ path, language, text }),
  )
}

async function contentsOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const paths = [...new Bun.Glob('**').scanSync({ cwd: folder, dot: true })].filter((path) => !foreign.test(path))
  const read = async (path: string) => [path, (await readFile(join(folder, path))).toString('latin1')] as const
  return new Map(await Promise.all(paths.map(read)))
}

/** Applies a diff: ` ` finds a line, `-` removes one, `+` adds one. `…` stands for any lines. */
function patched(source: string, diff: string): string {
  const lines = source.split('\n')
  let at = 0
  let elided = ''
  for (const line of diff.trimEnd().split('\n')) {
    const [mark, text] = [line[0], line.slice(1)]
    if (mark === '+') {
      lines.splice(
        at++,
        0,
        text.replace('…', () => elided),
      )
      continue
    }
    const [start = '', end] = text.split('…')
    const found = lines.findIndex((candidate, index) => {
      if (index < at) return false
      return end === undefined ? candidate === text : candidate.startsWith(start) && candidate.endsWith(end)
    })
    if (found === -1) throw new Error(`there is no line ${text}`)
    if (end !== undefined) elided = lines[found]?.slice(start.length, -end.length || undefined) ?? ''
    at = found
    if (mark === '-') lines.splice(at, 1)
    else at++
  }
  return lines.join('\n')
}

async function run(folder: string, command: string[]): Promise<Outcome> {
  const child = Bun.spawn(command, { cwd: folder, env: plain, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, said: out + err }
}

/** Checking the whole source would take sixteen seconds, and a guide does not change most files. */
async function checkTypes(folder: string, blocks: readonly GuideBlock[]): Promise<Outcome> {
  const files = ['text-files.d.ts', ...blocks.map(({ path }) => path)].filter((path) => path.endsWith('.ts'))
  const project = { extends: '../tsconfig.json', files: files.map((path) => join('..', path)), include: [] }
  await Bun.write(join(folder, 'dist/tsconfig.json'), JSON.stringify(project))
  return run(folder, [process.execPath, tool('tsc'), '-p', 'dist/tsconfig.json'])
}

/** The variables of this process's environment that a program needs to start. */
export const plain = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', NO_COLOR: '1' }

/** Returns the path of an installed tool. */
export const tool = (name: string) => join(root, 'node_modules/.bin', name)

/** Returns the address that the gateway prints. It reads the output to the end, because otherwise the log would block. */
export function addressIn(output: ReadableStream<Uint8Array>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const read = async () => {
    let text = ''
    for await (const bytes of output) {
      text += new TextDecoder().decode(bytes)
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0]
      if (address) resolve(address)
    }
    throw new Error(`the gateway has ended: ${text}`)
  }
  read().catch(reject)
  return promise
}
