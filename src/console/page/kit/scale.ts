interface AxisOptions {
  /** How many steps there may be. */
  readonly most?: number
  /** The smallest step: 1 where only whole numbers have a meaning. */
  readonly leastStep?: number
}

/** Round values from 0 to at least `top`, for the marks of an axis. */
export function marksUpTo(top: number, { most = 5, leastStep = 0 }: AxisOptions = {}): readonly number[] {
  if (!(top > 0) || !Number.isFinite(top)) return [0, 1]
  const power = 10 ** Math.floor(Math.log10(top / most))
  const steps = [1, 2, 5, 10, 20].map((part) => part * power)
  const step = Math.max(leastStep, steps.find((size) => size * most >= top * (1 - 1e-9)) ?? top)
  const count = Math.ceil(top / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(12)))
}

/** A share of a whole as a length in CSS, kept within it. */
export function lengthOf(value: number, whole: number): string {
  const share = whole > 0 ? Math.min(1, Math.max(0, value / whole)) : 0
  return `${Number((share * 100).toFixed(3))}%`
}
