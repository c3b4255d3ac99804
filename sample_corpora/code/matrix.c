/*
 * matrix.c - small dense matrices: multiply, transpose, determinant.
 *
 * Build:  cc -std=c99 -Wall -Wextra -O2 matrix.c -o matrix -lm
 * The rotation test turns the x axis by an angle θ and back again.
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC   0x4D545831u	/* "MTX1" */
#define EPSILON 1e-9
#define AT(m, r, c) ((m)->cell[(size_t)(r) * (m)->cols + (c)])

typedef struct {
	uint32_t magic;
	size_t   rows, cols;
	double   cell[];	/* rows * cols numbers, row by row */
} matrix;

static void die(const char *what)
{
	fprintf(stderr, "matrix: %s: %s\n", what, errno ? strerror(errno) : "bad shape");
	exit(EXIT_FAILURE);
}

static matrix *mat_new(size_t rows, size_t cols)
{
	matrix *m = NULL;

	if (cols == 0 || rows <= (SIZE_MAX - sizeof *m) / sizeof(double) / cols)
		m = calloc(1, sizeof *m + rows * cols * sizeof(double));
	if (!m)
		die("out of memory");
	m->magic = MAGIC;
	m->rows = rows;
	m->cols = cols;
	return m;
}

static matrix *mat_mul(const matrix *a, const matrix *b)
{
	if (a->cols != b->rows)
		die("mul");
	matrix *out = mat_new(a->rows, b->cols);
	for (size_t i = 0; i < a->rows; i++)
		for (size_t k = 0; k < a->cols; k++) {
			const double x = AT(a, i, k);
			for (size_t j = 0; j < b->cols; j++)
				AT(out, i, j) += x * AT(b, k, j);
		}
	return out;
}

static matrix *mat_transpose(const matrix *a)
{
	matrix *out = mat_new(a->cols, a->rows);
	for (size_t i = 0; i < a->rows; i++)
		for (size_t j = 0; j < a->cols; j++)
			AT(out, j, i) = AT(a, i, j);
	return out;
}

/* Gaussian elimination on a copy; the sign flips at every row swap. */
static double mat_det(const matrix *a)
{
	if (a->rows != a->cols)
		die("det");
	const size_t n = a->rows;
	matrix *m = mat_new(n, n);
	memcpy(m->cell, a->cell, n * n * sizeof(double));

	double det = 1.0;
	for (size_t c = 0; c < n; c++) {
		size_t best = c;
		for (size_t r = c + 1; r < n; r++)
			if (fabs(AT(m, r, c)) > fabs(AT(m, best, c)))
				best = r;
		if (fabs(AT(m, best, c)) < EPSILON) {
			det = 0.0;
			break;
		}
		if (best != c) {
			for (size_t j = 0; j < n; j++) {
				double t = AT(m, c, j);
				AT(m, c, j) = AT(m, best, j);
				AT(m, best, j) = t;
			}
			det = -det;
		}
		det *= AT(m, c, c);
		for (size_t r = c + 1; r < n; r++) {
			double f = AT(m, r, c) / AT(m, c, c);
			for (size_t j = c; j < n; j++)
				AT(m, r, j) -= f * AT(m, c, j);
		}
	}
	free(m);
	return det;
}

static void mat_print(const char *name, const matrix *m)
{
	printf("%s (%zu\xC3\x97%zu, tag 0x%08X)\n", name, m->rows, m->cols, (unsigned)m->magic);
	for (size_t i = 0; i < m->rows; i++) {
		putchar('\t');
		for (size_t j = 0; j < m->cols; j++)
			printf("%9.4f%c", AT(m, i, j), j + 1 < m->cols ? ' ' : '\n');
	}
}

int main(void)
{
	const double theta = 0.7853981633974483;	/* a quarter of pi */
	matrix *turn = mat_new(2, 2);
	AT(turn, 0, 0) = cos(theta);
	AT(turn, 0, 1) = -sin(theta);
	AT(turn, 1, 0) = sin(theta);
	AT(turn, 1, 1) = cos(theta);

	matrix *back = mat_transpose(turn);
	matrix *unit = mat_mul(turn, back);
	mat_print("turn", turn);
	mat_print("turn * back", unit);
	printf("det = %.6f, \"identity\"? %s\n", mat_det(unit),
	       fabs(mat_det(unit) - 1.0) < EPSILON ? "yes" : "no");

	free(turn);
	free(back);
	free(unit);
	return 0;
}
