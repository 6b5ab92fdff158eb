import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Recipe, Subject } from './recipe.ts'

/** Starts a gateway in an empty folder, uses it, and stops it. */
export async function withSubject<T>(
  recipe: Recipe,
  upstreamPort: number,
  use: (subject: Subject) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'torture-'))
  try {
    const subject = await recipe.start({ upstreamPort, port: await freePort(), folder })
    try {
      return await use(subject)
    } finally {
      await subject.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  if (!address || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
