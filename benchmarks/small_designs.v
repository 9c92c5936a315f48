// Small synchronous designs for benchmarks/small_designs.py: each a family, its parameters give the members.

module multiplier #(parameter W = 8) (input clk, input [W-1:0] a, b, output reg [2*W-1:0] y);
  always @(posedge clk) y <= a * b;
endmodule

module divider #(parameter W = 8) (input [W-1:0] a, b, output reg [W-1:0] quotient, output reg [W-1:0] rest);
  integer i;
  reg [W:0] r;
  always @* begin
    r = 0;
    for (i = W - 1; i >= 0; i = i - 1) begin
      r = {r[W-1:0], a[i]};
      quotient[i] = r >= b;
      if (r >= b) r = r - b;
    end
    rest = r[W-1:0];
  end
endmodule

module alu #(parameter W = 16) (input clk, input [2:0] op, input [W-1:0] a, b, output reg [W-1:0] y, output reg zero);
  reg [W-1:0] r;
  always @* case (op)
    0: r = a + b;
    1: r = a - b;
    2: r = a & b;
    3: r = a | b;
    4: r = a ^ b;
    5: r = a << b[3:0];
    6: r = a >> b[3:0];
    default: r = a < b;
  endcase
  always @(posedge clk) begin
    y <= r;
    zero <= r == 0;
  end
endmodule

module fifo #(parameter W = 8, A = 3) (
  input clk, reset, push, pop, input [W-1:0] in, output [W-1:0] out, output full, empty
);
  reg [W-1:0] memory [0:(1<<A)-1];
  reg [A:0] head, tail;
  assign empty = head == tail;
  assign full = head[A-1:0] == tail[A-1:0] && head[A] != tail[A];
  assign out = memory[tail[A-1:0]];
  always @(posedge clk) begin
    if (push && !full) memory[head[A-1:0]] <= in;
    head <= reset ? 0 : head + (push && !full);
    tail <= reset ? 0 : tail + (pop && !empty);
  end
endmodule

module registers #(parameter W = 8, A = 3) (
  input clk, write, input [A-1:0] to, from1, from2, input [W-1:0] in, output [W-1:0] out1, out2
);
  reg [W-1:0] memory [0:(1<<A)-1];
  assign out1 = memory[from1];
  assign out2 = memory[from2];
  always @(posedge clk) if (write) memory[to] <= in;
endmodule

module uart #(parameter W = 8, D = 12) (
  input clk, reset, send, rx, input [D-1:0] rate, input [W-1:0] data,
  output tx, output reg busy, output reg [W-1:0] received, output reg ready
);
  reg [D-1:0] sendtime, gettime;
  reg [W:0] sending;
  reg [W-1:0] getting;
  reg [4:0] left, seen;
  reg rx1, rx2;
  assign tx = !busy | sending[0];
  always @(posedge clk) begin
    {rx2, rx1} <= {rx1, rx};
    ready <= 0;
    if (reset) begin busy <= 0; seen <= 0; left <= 0; end
    else begin
      if (!busy && send) begin busy <= 1; sending <= {data, 1'b0}; sendtime <= rate; left <= W + 2; end
      else if (busy && sendtime != 0) sendtime <= sendtime - 1;
      else if (busy) begin sending <= {1'b1, sending[W:1]}; sendtime <= rate; left <= left - 1; busy <= left != 0; end
      if (seen == 0 && !rx2) begin seen <= W + 2; gettime <= rate >> 1; end
      else if (seen != 0 && gettime != 0) gettime <= gettime - 1;
      else if (seen != 0) begin
        gettime <= rate; seen <= seen - 1; getting <= {rx2, getting[W-1:1]};
        if (seen == 1) begin received <= getting; ready <= 1; end
      end
    end
  end
endmodule

module lfsrs #(parameter W = 16, N = 4) (input clk, load, input [W-1:0] seed, output [W-1:0] y);
  reg [W*N-1:0] state;
  wire [W*(N+1)-1:0] sum;
  assign sum[W-1:0] = 0;
  genvar i;
  generate for (i = 0; i < N; i = i + 1) begin : bank
    wire [W-1:0] now = state[i*W +: W];
    always @(posedge clk) state[i*W +: W] <= load ? seed ^ (i * 73 + 1) : {now[W-2:0], now[W-1] ^ now[i+1] ^ now[i+3] ^ now[5]};
    assign sum[(i+1)*W +: W] = sum[i*W +: W] ^ {now[0], now[W-1:1]};
  end endgenerate
  assign y = sum[N*W +: W];
endmodule

module checksum #(parameter W = 32, D = 16) (input clk, reset, input [D-1:0] data, output reg [W-1:0] crc);
  integer i;
  reg [W-1:0] c;
  always @* begin
    c = crc;
    for (i = 0; i < D; i = i + 1) c = {c[W-2:0], 1'b0} ^ ((c[W-1] ^ data[i]) ? 32'h04c11db7 : 0);
  end
  always @(posedge clk) crc <= reset ? ~0 : c;
endmodule

module sorter #(parameter W = 6, N = 6) (input clk, input [W*N-1:0] in, output reg [W*N-1:0] out);
  integer i, j;
  reg [W*N-1:0] v;
  reg [W-1:0] low, high;
  always @* begin
    v = in;
    for (i = 0; i < N; i = i + 1)
      for (j = i % 2; j + 1 < N; j = j + 2) begin
        low = v[j*W +: W];
        high = v[(j+1)*W +: W];
        if (low > high) begin v[j*W +: W] = high; v[(j+1)*W +: W] = low; end
      end
  end
  always @(posedge clk) out <= v;
endmodule

module crossbar #(parameter W = 6, A = 2) (input [W*(1<<A)-1:0] in, input [A*(1<<A)-1:0] choice, output [W*(1<<A)-1:0] out);
  genvar i;
  generate for (i = 0; i < (1 << A); i = i + 1) begin : port
    assign out[i*W +: W] = in[choice[i*A +: A]*W +: W];
  end endgenerate
endmodule

module rotator #(parameter W = 32, A = 5) (input clk, input [W-1:0] in, input [A-1:0] by, output reg [W-1:0] out);
  wire [2*W-1:0] twice = {in, in} >> by;
  always @(posedge clk) out <= twice[W-1:0];
endmodule

module filter #(parameter W = 6, N = 4) (input clk, input [W-1:0] in, output reg [W+7:0] out);
  reg [W*N-1:0] line;
  integer i;
  reg [W+7:0] sum;
  always @* begin
    sum = 0;
    for (i = 0; i < N; i = i + 1) sum = sum + line[i*W +: W] * (5'd11 + 6 * i);
  end
  always @(posedge clk) begin
    line <= {line[W*(N-1)-1:0], in};
    out <= sum;
  end
endmodule

// Rounds of 4-bit substitutions and a transposition of all bits: wires that cross.
module permuter #(parameter W = 32, R = 2) (input clk, input [W-1:0] in, key, output reg [W-1:0] out);
  function [3:0] substitute(input [3:0] x);
    substitute = {x[3] ^ (x[2] & ~x[0]), x[2] ^ (x[1] | x[3]), x[1] ^ (x[0] & x[3]), x[0] ^ (x[2] ~^ x[1])} ^ {4{&x}};
  endfunction
  integer i, r;
  reg [W-1:0] s, t;
  always @* begin
    s = in;
    for (r = 0; r < R; r = r + 1) begin
      t = s ^ {key[W-2:0], key[W-1]} ^ (key >> r);
      for (i = 0; i < W / 4; i = i + 1) t[i*4 +: 4] = substitute(t[i*4 +: 4]);
      for (i = 0; i < W; i = i + 1) s[(i % 4) * (W / 4) + i / 4] = t[i];
    end
  end
  always @(posedge clk) out <= s;
endmodule

module counter #(parameter W = 31, B = 5) (input clk, input [W-1:0] in, output reg [B-1:0] ones);
  integer i;
  reg [B-1:0] sum;
  always @* begin
    sum = 0;
    for (i = 0; i < W; i = i + 1) sum = sum + in[i];
  end
  always @(posedge clk) ones <= sum;
endmodule
