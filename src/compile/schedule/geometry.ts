/** What lies around a picture for kernels that look beyond it, in elements: zeros all. */
export interface Border {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** No border. */
export const NO_BORDER: Border = { top: 0, left: 0, bottom: 0, right: 0 };

/**
 * Where pictures of one size lie: row y, column x of plane c at `lead + c * plane + y * pitch + x`. What is on the right of a row is the
 * left border of the next, what is below a plane the upper border of the next.
 */
export interface Geometry {
  readonly height: number;
  readonly width: number;
  readonly border: Border;
  readonly pitch: number;
  readonly plane: number;
  readonly lead: number;
}

/** The smallest multiple of four from x on. */
export function upToFour(x: number): number {
  return Math.ceil(x / 4) * 4;
}

/** The geometry for pictures of a size with a border. */
export function geometryOf(height: number, width: number, border: Border): Geometry {
  const pitch = upToFour(width + Math.max(border.left, border.right));
  const plane = pitch * (height + Math.max(border.top, border.bottom));
  return { height, width, border, pitch, plane, lead: upToFour(border.top * pitch + border.left) };
}

/** Elements of a buffer for so many planes; kernels read up to a row and a vector behind the last. */
export function elementsOf({ lead, plane, pitch, border }: Geometry, planes: number): number {
  return lead + planes * plane + pitch * Math.max(0, border.bottom - border.top) + border.right + pitch + 8;
}

/** Borders at least as wide as both. */
export function widest(a: Border, b: Border): Border {
  return {
    top: Math.max(a.top, b.top),
    left: Math.max(a.left, b.left),
    bottom: Math.max(a.bottom, b.bottom),
    right: Math.max(a.right, b.right),
  };
}

/** Whether a border is at least as wide as another. */
export function covers(a: Border, b: Border): boolean {
  return a.top >= b.top && a.left >= b.left && a.bottom >= b.bottom && a.right >= b.right;
}

/** A name for buffers that may take each other's place, borders staying zero. */
export function kindOf({ height, width, pitch, plane, lead }: Geometry): string {
  return `planes ${height}x${width} pitch ${pitch} plane ${plane} lead ${lead}`;
}
