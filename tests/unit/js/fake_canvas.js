/* SPDX-License-Identifier: ISC */
/* Just enough of a canvas to see in node what the painter draws: one number per pixel. */

export class FakePicture {
	/** @param {number} width @param {number} height @param {number} [value] */
	constructor(width, height, value = 0) {
		this.width = width;
		this.height = height;
		this.pixels = new Array(width * height).fill(value);
		this.closed = false;
	}

	close() {
		this.closed = true;
	}

	/** @param {number} x @param {number} y */
	at(x, y) {
		return this.pixels[y * this.width + x];
	}
}

/** @param {FakePicture} target */
export function fakeContext(target) {
	return {
		/** drawImage in its forms of 3 and of 9 arguments.
		 * @param {FakePicture} image @param {...number} numbers */
		drawImage(image, ...numbers) {
			if (image.closed) throw new Error("a closed picture was drawn");
			const [sx, sy, width, height, dx, dy] =
				numbers.length === 2 ? [0, 0, image.width, image.height, ...numbers] : numbers;
			for (let y = 0; y < height; y++)
				for (let x = 0; x < width; x++) {
					const [tx, ty] = [dx + x, dy + y];
					if (tx < 0 || ty < 0 || tx >= target.width || ty >= target.height) continue;
					target.pixels[ty * target.width + tx] = image.at(sx + x, sy + y);
				}
		},
	};
}
