import { headOf } from '../chat/shorten.ts'

/** Characters that may still be kept. */
export interface Room {
  left: number
  isCut: boolean
}

/** Takes the characters, or says that something is cut. */
export function fits(room: Room, characters: number): boolean {
  if (characters > room.left) {
    room.isCut = true
    return false
  }
  room.left -= characters
  return true
}

/** As much of the text as there is room for. */
export function headIn(room: Room, text: string): string {
  if (fits(room, text.length)) return text
  const head = headOf(text, room.left)
  room.left -= head.length
  return head
}
