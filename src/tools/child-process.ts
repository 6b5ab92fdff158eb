import { closeSync } from 'node:fs'
import type { Subprocess } from 'bun'
import { ChatError } from '../chat/error.ts'
import { Secret } from '../chat/secret.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { within } from '../flow/wait.ts'
import type { StdioServer } from './server-config.ts'

type Pipes = Subprocess<'pipe', 'pipe', 'pipe'>

/** A process and all that it has started, which go together. */
export interface ProcessGroup {
  readonly stdin: Pipes['stdin']
  readonly stdout: Pipes['stdout']
  readonly stderr: Pipes['stderr']
  /** With the exit code of the process, once it is gone; of its children some may live on. */
  readonly exited: Promise<number>
  /** Asks it to end: end of input, then SIGTERM, then `kill`; resolves when nothing is left of it. */
  end(): Promise<void>
  /** SIGKILL for all of them. */
  kill(): void
}

/**
 * Beside the command, in its process group, a shell waits for the end of a pipe that nobody writes to and only this
 * process holds. When this process is gone, however it went, the shell kills the group, itself included: a server that
 * ignores the end of its input, or hands its work on (`npx`), would stay for ever. As long as the shell lives the group's
 * id cannot be another's. The command takes the place of the first shell, so its exit code and its signals are its own.
 */
const script = '(trap "" TERM INT HUP; read -r _ <&3; kill -KILL 0) </dev/null >/dev/null 2>&1 & exec "$@" 3<&-'

const graceMs = 500

/** Starts a server's command in a process group of its own. @throws ChatError `upstream-failed` where that cannot be done */
export function startGroup({ command, args, environment, folder }: StdioServer, runtime: Runtime): ProcessGroup {
  const never = new CancelSource(runtime)
  const child = spawn(['/bin/sh', '-c', script, 'sh', command, ...args.map(revealed)], environment, folder)
  const [, , , lifeline] = child.stdio
  let isKilled = false
  const kill = () => {
    if (isKilled) return
    isKilled = true
    signalGroup(child.pid, 'SIGKILL')
    if (typeof lifeline === 'number') closeSync(lifeline)
  }
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited: child.exited,
    kill,
    async end() {
      if (!isKilled) {
        // it may never take what is still to be written
        Promise.resolve(child.stdin.end()).catch(() => undefined)
        await within(child.exited, graceMs, never)
        signalGroup(child.pid, 'SIGTERM')
        await within(child.exited, graceMs, never)
      }
      kill()
      await child.exited
    },
  }
}

function spawn(command: string[], environment: StdioServer['environment'], folder: string | undefined) {
  const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, revealed(value)]))
  try {
    return Bun.spawn(command, {
      env,
      ...(folder !== undefined && { cwd: folder }),
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    })
  } catch (cause) {
    throw new ChatError('upstream-failed', {
      message: 'Its command could not be started: there must be a /bin/sh, and its folder.',
      cause,
    })
  }
}

function revealed(value: Secret | string): string {
  return value instanceof Secret ? value.reveal() : value
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // nobody is left of it
  }
}
