import { closeSync } from 'node:fs'
import type { Subprocess } from 'bun'
import { ChatError } from '../chat/error.ts'
import { Secret } from '../chat/secret.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { within } from '../flow/wait.ts'
import type { StdioServer } from './server-config.ts'

type Pipes = Subprocess<'pipe', 'pipe', 'pipe'>

/** A process and all processes that it has started, which end together. */
export interface ProcessGroup {
  readonly stdin: Pipes['stdin']
  readonly stdout: Pipes['stdout']
  readonly stderr: Pipes['stderr']
  /** Resolves with the exit code when the process has ended; some of its children may still run. */
  readonly exited: Promise<number>
  /** Ends the group: closes the input, then sends SIGTERM, then kills it. Resolves when no process of the group is left. */
  end(): Promise<void>
  /** Sends SIGKILL to all processes of the group. */
  kill(): void
}

/**
 * Starts the command, and beside it, in the same process group, a second shell that waits for the end of a pipe. Only this
 * process holds the pipe's other end. When this process ends for any cause, the second shell kills the whole group:
 * otherwise a server that ignores the end of its input, or starts others (`npx`), would run for ever. While the second shell
 * lives, the group's id cannot be given to another group. The command replaces the first shell, so that exit code and
 * signals are the command's own.
 */
const script = '(trap "" TERM INT HUP; read -r _ <&3; kill -KILL 0) </dev/null >/dev/null 2>&1 & exec "$@" 3<&-'

const graceMs = 500

/** Starts a server's command in a new process group. @throws ChatError `upstream-failed` if it cannot be started */
export function startGroup({ command, args, environment, folder }: StdioServer, runtime: Runtime): ProcessGroup {
  const never = new CancelSource(runtime)
  const child = spawn(['/bin/sh', '-c', script, 'sh', command, ...args.map(revealSecret)], environment, folder)
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
        // the process may never read the rest of its input
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
  const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, revealSecret(value)]))
  try {
    return Bun.spawn(command, {
      env,
      ...(folder !== undefined && { cwd: folder }),
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    })
  } catch (cause) {
    throw new ChatError('upstream-failed', {
      message: 'Its command could not be started: /bin/sh and its folder must exist.',
      cause,
    })
  }
}

function revealSecret(value: Secret | string): string {
  return value instanceof Secret ? value.reveal() : value
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // no process of the group is left
  }
}
