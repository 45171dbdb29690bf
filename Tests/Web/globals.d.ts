// What browsers have and TypeScript 4.8 does not know.
interface CanvasRenderingContext2D { }
interface ImageBitmapOptions { imageOrientation?: any }
