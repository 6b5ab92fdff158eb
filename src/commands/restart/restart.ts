import { ChatError } from '../../chat/error.ts'
import type { Logger } from '../../flow/call.ts'
import type { SocketRange } from '../../flow/network.ts'
import { notifyService } from '../../wire/notify-service.ts'
import { isSuccessor } from './former.ts'
import { type Successor, type SuccessorOptions, startSuccessor } from './successor.ts'

/** What holds the port: the server of this process, or the workers. */
interface PortHolder {
  /** How many sockets it has opened on the port. */
  readonly listeners: number
  /** Sends new connections to some of the sockets of the port. */
  steer(to: SocketRange): void
}

export interface RestartOptions extends SuccessorOptions {
  readonly holder: PortHolder
  /** Has a former process leave the port, if one still finishes its answers. @returns whether it has */
  formerLeaves(): Promise<boolean>
  /** The service manager's socket, if there is one. */
  readonly notifySocket: string | undefined
  readonly log: Logger
}

/**
 * Restarts the program without refusing a connection: a new process begins to listen on the same port, gets all new
 * connections when it is ready, and this one only finishes what it has begun (docs/decisions/0107-restart.md).
 */
export class Restart {
  readonly #options: RestartOptions
  #isRunning = false

  constructor(options: RestartOptions) {
    this.#options = options
  }

  /**
   * Starts another process, and hands over to it.
   * @returns when it is ready
   * @throws ChatError `conflict` `restart_impossible`, or `unavailable` `restart_failed`; then this process goes on
   */
  async run(): Promise<Successor> {
    const { holder, notifySocket, signal, log } = this.#options
    if (signal.aborted) throw impossible('it is stopping')
    if (this.#isRunning) throw impossible('another process is about to take over, or has done it already')
    const obstacle = findObstacle(notifySocket)
    if (obstacle !== undefined) throw impossible(obstacle)
    this.#isRunning = true
    try {
      // otherwise the sockets of the port would have other numbers
      if (!(await this.#options.formerLeaves())) throw impossible('the process before it does not leave the port yet')
      // the new process gets no connection until it is ready
      holder.steer({ first: 0, count: holder.listeners })
      const successor = await startSuccessor(this.#options)
      if (notifySocket !== undefined) notifyService(notifySocket, `MAINPID=${successor.pid}`)
      holder.steer({ first: holder.listeners, count: successor.listeners })
      log.info({ pid: successor.pid, executable: successor.executable }, 'another process has taken over')
      void successor.ended.then(() => {
        this.#isRunning = false
      })
      return successor
    } catch (thrown) {
      this.#isRunning = false
      throw thrown
    }
  }
}

/** Why no other process can take over from this one. */
function findObstacle(notifySocket: string | undefined): string | undefined {
  if (process.platform !== 'linux') return 'two processes can only hand over a port on Linux. Stop it and start it'
  if (process.pid === 1) return 'a container ends with its first process. Start another container, or this one again'
  if (process.ppid === 1 && notifySocket === undefined && !isSuccessor)
    return 'the service manager would not know the new process. Use Type=notify ("tributary systemd" prints such a unit), or restart the service'
  return undefined
}

function impossible(why: string): ChatError {
  return new ChatError('conflict', {
    code: 'restart_impossible',
    message: `This process cannot be replaced without a gap: ${why}.`,
  })
}
