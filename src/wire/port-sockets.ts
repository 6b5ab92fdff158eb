import { ptr } from 'bun:ffi'
import type { SocketRange } from '../flow/network.ts'
import { openLibc } from './libc.ts'
import { findListeners, isListening, type Libc, stopWatching, watchedSockets } from './listeners.ts'

const SOL_SOCKET = 1
const SO_ATTACH_REUSEPORT_CBPF = 51

/** Instructions of the kernel's socket filter. linux/bpf_common.h, linux/filter.h */
const load = 0x20
const add = 0x04
const remainder = 0x94
const returnResult = 0x16
/** The "address" of a random number: SKF_AD_OFF + SKF_AD_RANDOM. */
const randomNumber = 0xff_ff_f0_00 + 56

/**
 * Makes the kernel choose among the sockets that listen on one port. Without a choice of ours a new process would get
 * connections before it is ready, and the connections that a former one has not accepted yet would be reset when it closes
 * its socket. The sockets are numbered in the order in which they began to listen; when one is closed, the last one gets its
 * number. If the chosen number does not exist, the kernel takes any socket: socket(7), SO_ATTACH_REUSEPORT_CBPF.
 * @returns whether the kernel does it
 */
export function steerConnections(port: number, { first, count }: SocketRange): boolean {
  const libc = openLibc()
  if (!libc) return false
  const program = encodeProgram([
    [load, randomNumber],
    [remainder, count],
    [add, first],
    [returnResult, 0],
  ])
  // one of them is enough, because all sockets of a port have one program
  return findListeners(libc).some(({ socket }) => ownPort(libc, socket) === port && attach(libc, socket, program))
}

type Instruction = readonly [code: number, operand: number]

/** Encodes `struct sock_filter`: a code of 2 bytes, two jumps of 1 byte, an operand of 4 bytes. */
function encodeProgram(instructions: readonly Instruction[]): Buffer {
  const program = Buffer.alloc(8 * instructions.length)
  for (const [at, [code, operand]] of instructions.entries()) {
    program.writeUInt16LE(code, 8 * at)
    program.writeUInt32LE(operand, 8 * at + 4)
  }
  return program
}

function attach(libc: Libc, socket: number, program: Buffer): boolean {
  // struct sock_fprog: the number of instructions, and a pointer to them
  const description = Buffer.alloc(16)
  description.writeUInt16LE(program.length / 8, 0)
  description.writeBigUInt64LE(BigInt(ptr(program)), 8)
  return libc.setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, ptr(description), description.length) === 0
}

const SHUT_RDWR = 2

/**
 * Takes the sockets of this process that listen on a port out of that port. Bun could only close them together with every
 * idle connection. They are closed with the server.
 */
export function leavePort(port: number): void {
  const libc = openLibc()
  if (!libc) return
  for (const listener of findListeners(libc)) {
    if (ownPort(libc, listener.socket) !== port) continue
    // the event loop would be told again and again that it was shut down
    stopWatching(libc, listener)
    libc.shutdown(listener.socket, SHUT_RDWR)
  }
}

const AF_INET = 2
const AF_INET6 = 10

/** How many connections of clients to a port this process has; undefined if the system does not say. */
export function countConnections(port: number): number | undefined {
  const libc = openLibc()
  if (!libc) return undefined
  return watchedSockets().filter(({ socket }) => ownPort(libc, socket) === port && !isListening(libc, socket)).length
}

/** The port of this end of a connection; undefined if the file is no socket of the internet. */
function ownPort(libc: Libc, socket: number): number | undefined {
  const address = Buffer.alloc(128)
  const size = new Int32Array([address.length])
  if (libc.getsockname(socket, ptr(address), ptr(size)) !== 0) return undefined
  const family = address.readUInt16LE(0)
  return family === AF_INET || family === AF_INET6 ? address.readUInt16BE(2) : undefined
}
